// SPDX-License-Identifier: Apache-2.0
// Feeds a fuzzer every file of the corpora that are named, once: what was found stays fixed, in every build of the
// tests.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code failed;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, failed)) {
    if (entry.is_regular_file()) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

/// A buffer of exactly the input's size, so that the address sanitizer sees a read of one byte too many.
std::vector<char> contents_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> contents((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  contents.shrink_to_fit();
  return contents;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    for (const std::filesystem::path& path : files_below(argv[i])) {
      // Said first, so that a crash is told with its input.
      std::printf("%s\n", path.c_str());
      static_cast<void>(std::fflush(stdout));
      const std::vector<char> contents = contents_of(path);
      static_cast<void>(
          LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(contents.data()), contents.size()));
      ++count;
    }
  }
  if (count == 0) {
    static_cast<void>(std::fputs("replay: the corpus is empty\n", stderr));
    return 1;
  }
  return 0;
}
