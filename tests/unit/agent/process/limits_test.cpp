// SPDX-License-Identifier: Apache-2.0
#include "agent/process/limits.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/child.h"

using namespace tantalus;

TEST_CASE("the connection limit is cut to what the descriptors carry, with a reserve", "[trap-25]") {
  const auto roomy = budget_of(1'000'000, 16384);
  REQUIRE(roomy);
  CHECK(roomy->connections == 16384);
  CHECK_FALSE(roomy->is_cut);

  const auto tight = budget_of(1024, 16384);
  REQUIRE(tight);
  CHECK(tight->connections == (1024 - descriptor_reserve) / descriptors_per_connection);
  CHECK(tight->is_cut);
  CHECK(tight->connections * descriptors_per_connection + descriptor_reserve <= 1024);
}

TEST_CASE("too few descriptors for anything are refused, naming the limit", "[trap-25]") {
  CHECK(budget_of(descriptor_reserve + 32, 16384));
  const auto refused = budget_of(descriptor_reserve + 31, 16384);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::misconfigured);
  CHECK(refused.error().message.find("RLIMIT_NOFILE") != std::string::npos);
  CHECK(refused.error().message.find("LimitNOFILE=") != std::string::npos);
}

TEST_CASE("the soft limit is raised to the hard one", "[trap-25]") {
  const auto ended = test::in_child([](int out) {
    const rlimit low{.rlim_cur = 64, .rlim_max = 600};
    if (::setrlimit(RLIMIT_NOFILE, &low) != 0) {
      return 2;
    }
    const auto budget = fit_to_descriptors(16384);
    rlimit now{};
    ::getrlimit(RLIMIT_NOFILE, &now);
    if (!budget) {
      test::say(out, budget.error().message);
      return 3;
    }
    return budget->limit == 600 && now.rlim_cur == 600 && budget->is_cut ? 0 : 1;
  });
  INFO(ended.said);
  CHECK(ended.exited_with(0));
}

TEST_CASE("open descriptors are counted") {
  const std::size_t before = count_open_descriptors();
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK(count_open_descriptors() == before + 1);
  ::close(fd);
  CHECK(count_open_descriptors() == before);
}
