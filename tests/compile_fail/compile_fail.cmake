# SPDX-License-Identifier: Apache-2.0
# Run by ctest: cmake -DCOMPILER=… -DSOURCE=… -DINCLUDES=a|b -P compile_fail.cmake
string(REPLACE "|" ";" includes "${INCLUDES}")
list(REMOVE_ITEM includes "")
list(TRANSFORM includes PREPEND "-I")
set(compile "${COMPILER}" -std=c++23 -fsyntax-only -Werror=unused-result ${includes} "${SOURCE}")

execute_process(COMMAND ${compile} RESULT_VARIABLE failed ERROR_VARIABLE said)
if(failed)
  message(FATAL_ERROR "does not compile even without its mistake:\n${said}")
endif()

file(STRINGS "${SOURCE}" reason REGEX "^// refused: ")
string(REPLACE "// refused: " "" reason "${reason}")
if(reason STREQUAL "")
  message(FATAL_ERROR "${SOURCE} has no line `// refused: REGEX`")
endif()
execute_process(COMMAND ${compile} -DWRONG RESULT_VARIABLE failed ERROR_VARIABLE said)
if(NOT failed)
  message(FATAL_ERROR "compiles, and must not")
endif()
if(NOT said MATCHES "${reason}")
  message(FATAL_ERROR "refused for another reason than `${reason}`:\n${said}")
endif()
