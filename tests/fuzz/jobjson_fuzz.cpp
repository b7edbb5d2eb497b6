// SPDX-License-Identifier: Apache-2.0
// A job's configuration: any bytes are a job or a refusal, and each reference of a job can be asked for.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "client/cli/env_file.h"
#include "client/cli/job.h"

using namespace tantalus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const cli::Outcome<cli::Job> job = cli::parse_job({reinterpret_cast<const char*>(data), size}, "job");
  if (!job) {
    check(job.error().what.starts_with("job") && !job.error().why.empty(), "a refusal says what and why");
    return 0;
  }
  for (const auto* entries : {&job->environment, &job->spark_conf}) {
    for (const cli::Job::Entry& entry : *entries) {
      check(cli::is_variable_name(entry.name), "a name can be in an environment");
      check(reference_from_uri(entry.argument.uri).has_value(), "a reference has a URI");
    }
  }
  return 0;
}
