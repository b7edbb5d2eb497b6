// SPDX-License-Identifier: Apache-2.0
// Of the C++ runtime that is linked into libtantalus: what std::terminate() calls. libstdc++'s own prints the
// exception's name, for which it brings its demangler along, a quarter of the library. This one is local to the
// library, and nothing is thrown out of it.
#include <cstdlib>
#include <exception>

namespace __cxxabiv1 {  // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): libsupc++'s own name.
extern std::terminate_handler __terminate_handler;  // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
std::terminate_handler __terminate_handler = std::abort;
}  // namespace __cxxabiv1
