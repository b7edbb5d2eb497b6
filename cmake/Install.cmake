# SPDX-License-Identifier: Apache-2.0
# The usual layout: the daemon here, the command and the libraries in client/, the units in systemd/, each by its own
# CMakeLists.txt. `cmake --install build --prefix DIR` installs what was built.
include(GNUInstallDirs)

if(TARGET tantalusd)
  install(TARGETS tantalusd RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT agent)
endif()
install(FILES README.md CHANGELOG.md SECURITY.md LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT documents OPTIONAL)
install(DIRECTORY docs/ DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT documents PATTERN man EXCLUDE)
foreach(section 1 5 8)
  file(GLOB pages CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/docs/man/*.${section}")
  if(pages)
    install(FILES ${pages} DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}" COMPONENT documents)
  endif()
endforeach()
