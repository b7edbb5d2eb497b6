// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "client/cli/agent.h"
#include "client/cli/command.h"
#include "client/cli/env_file.h"
#include "client/cli/environment.h"
#include "client/cli/file.h"
#include "client/cli/format.h"
#include "client/cli/job.h"
#include "client/cli/spark.h"

namespace tantalus::cli {
namespace {

constexpr const char* storage_variable = "TANTALUS_STORAGE_SECRET";
constexpr const char* properties_variable = "TANTALUS_SPARK_PROPERTIES";

struct ExecOptions {
  std::vector<std::string> variables;
  std::vector<std::string> env_files;
  std::vector<std::string> files;
  std::vector<std::string> jobs;
  ShortForm form;
};

Outcome<void> read_assignments(std::string_view option, std::span<const std::string> assignments, const ShortForm& form,
                               Environment::Delivery delivery, Environment& environment) {
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == assignment.size()) {
      return std::unexpected(usage_problem("exec", std::string(option) + " takes NAME=REF, not " + assignment));
    }
    environment.set(assignment.substr(0, equals), read_argument(assignment.substr(equals + 1), form), delivery);
  }
  return {};
}

Outcome<std::string> read_text(const std::string& path) {
  client::LockedBuffer bytes(client::LockedHeap::make());
  if (Outcome<void> read = read_file(path, bytes); !read) {
    return std::unexpected(std::move(read.error()));
  }
  return std::string(reinterpret_cast<const char*>(bytes.bytes().data()), bytes.bytes().size());
}

Outcome<void> read_env_files(std::span<const std::string> paths, Environment& environment) {
  for (const std::string& path : paths) {
    const Outcome<std::string> text = read_text(path);
    if (!text) {
      return std::unexpected(text.error());
    }
    Outcome<std::vector<Variable>> variables = parse_env_file(*text, path);
    if (!variables) {
      return std::unexpected(std::move(variables.error()));
    }
    for (Variable& variable : *variables) {
      environment.set_or_find(variable.name, std::move(variable.value));
    }
  }
  return {};
}

Outcome<void> read_jobs(std::span<const std::string> paths, Environment& environment,
                        std::vector<Job::Entry>& spark_conf) {
  for (const std::string& path : paths) {
    client::LockedBuffer bytes(client::LockedHeap::make());  // A job's plain settings may hold values.
    if (Outcome<void> read = read_file(path, bytes); !read) {
      return read;
    }
    Outcome<Job> job = parse_job({reinterpret_cast<const char*>(bytes.bytes().data()), bytes.bytes().size()}, path);
    if (!job) {
      return std::unexpected(std::move(job.error()));
    }
    for (Job::Entry& entry : job->environment) {
      environment.set(entry.name, std::move(entry.argument), Environment::Delivery::variable);
    }
    if (job->storage) {
      environment.set(storage_variable, std::move(*job->storage), Environment::Delivery::variable);
    }
    for (Job::Entry& entry : job->spark_conf) {
      spark_conf.push_back(std::move(entry));
    }
  }
  return {};
}

/// Tells each failing variable with its reason. Whether there were any.
bool tell_failures(const Common& common, std::span<const std::string> names, std::span<const Answer> answers) {
  bool failed = false;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].status != TANTALUS_OK) {
      refuse(common, agent_problem(names[i], answers[i].status, answers[i].why));
      failed = true;
    }
  }
  return failed;
}

Outcome<std::string> make_properties(std::span<const Job::Entry> entries, std::span<const Answer> answers) {
  client::LockedBuffer text(client::LockedHeap::make());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (answers[i].secret != nullptr && !write_property(entries[i].name, value_of(*answers[i].secret), text)) {
      return std::unexpected(Problem{exit_code::exec_failed, entries[i].name,
                                     "the value is not UTF-8, which no Spark property can be", ""});
    }
  }
  return make_value_file(properties_variable, text.bytes());
}

int become(const Common& common, const std::vector<std::string>& command, Environment& environment) {
  std::vector<char*> argv;
  for (const std::string& word : command) {
    argv.push_back(const_cast<char*>(word.c_str()));  // execve(2) takes them so, and leaves them alone.
  }
  argv.push_back(nullptr);
  environ = environment.block();  // So that execvp looks in the PATH that the command will have.
  execvp(argv[0], argv.data());
  const int error = errno;
  const bool is_missing = error == ENOENT || error == ENOTDIR;
  return refuse(common, {is_missing ? exit_code::no_such_command : exit_code::cannot_run, command[0],
                         is_missing ? "no such command" : strerrordesc_np(error), ""});
}

int run(const Common& common, const ExecOptions& given, std::vector<std::string> command) {
  const auto fail = [&](const Problem& problem) {
    refuse(common, problem);
    return exit_code::exec_failed;
  };
  Environment environment(environ);
  std::vector<Job::Entry> spark_conf;
  if (const Outcome<void> read = read_jobs(given.jobs, environment, spark_conf); !read) {
    return fail(read.error());
  }
  if (const Outcome<void> read = read_env_files(given.env_files, environment); !read) {
    return fail(read.error());
  }
  if (const Outcome<void> read =
          read_assignments("--env", given.variables, given.form, Environment::Delivery::variable, environment);
      !read) {
    return fail(read.error());
  }
  if (const Outcome<void> read =
          read_assignments("--file", given.files, given.form, Environment::Delivery::file, environment);
      !read) {
    return fail(read.error());
  }
  if (!spark_conf.empty()) {
    environment.set(properties_variable, "");  // In its place before the references are counted.
  }
  const std::vector<Problem> problems = environment.problems();
  std::vector<std::string> names = environment.names();
  std::vector<Argument> references = environment.references();
  for (const Job::Entry& entry : spark_conf) {
    names.push_back(entry.name);
    references.push_back(entry.argument);
  }
  for (const Problem& problem : problems) {
    refuse(common, problem);
  }
  std::vector<Answer> answers;
  if (!references.empty()) {
    Outcome<Agent> agent = Agent::make(common);
    if (!agent) {
      return fail(agent.error());
    }
    answers = agent->resolve(references);
  }
  // Also when some of them can't be read at all: whoever mends them wants to hear of every one.
  if (tell_failures(common, names, answers) || !problems.empty()) {
    return exit_code::exec_failed;
  }
  if (!spark_conf.empty()) {
    const std::size_t first = answers.size() - spark_conf.size();
    const Outcome<std::string> path = make_properties(spark_conf, std::span(answers).subspan(first));
    if (!path) {
      return fail(path.error());
    }
    answers.resize(first);
    environment.set(properties_variable, *path);
    if (is_spark_command(command[0])) {
      Outcome<std::vector<std::string>> extended = with_properties_file(std::move(command), *path);
      if (!extended) {
        return fail(extended.error());
      }
      command = std::move(*extended);
    }
  }
  const std::vector<Problem> unfit = environment.fill(answers);
  for (const Problem& problem : unfit) {
    refuse(common, problem);
  }
  return unfit.empty() ? become(common, command, environment) : exit_code::exec_failed;
}

int exec(const Command& self, Common& common, std::span<char* const> arguments) {
  Options options("exec");
  ExecOptions given;
  common.add_to(options);
  given.form.add_to(options);
  options.list("env", given.variables).list("env-file", given.env_files).list("file", given.files);
  options.list("from", given.jobs);
  const Outcome<std::vector<std::string>> command = options.parse(arguments, true);
  if (!command) {
    refuse(common, command.error());
    return exit_code::exec_failed;
  }
  if (is_answered(self, common)) {
    return exit_code::done;
  }
  if (command->empty()) {
    refuse(common, usage_problem("exec", "a command is missing"));
    return exit_code::exec_failed;
  }
  return run(common, given, *command);
}

}  // namespace

const Command exec_command{"exec", "run a command with references of its environment resolved",
                           R"(Usage: tantalus exec [OPTIONS] [--] COMMAND [ARGUMENT...]

Resolves every environment variable whose whole value is a reference (a tantalus:// URI, the
platform's {"key": ..., "source": ...}, ${secrets.KEY}) and those named below, then becomes
COMMAND: same process, signals untouched. If one reference fails, nothing is run. Without any
reference the agent is not asked.

  --env NAME=REF     a variable with the value; REF is as for `tantalus get`
  --file NAME=REF    a variable with the path of a sealed file in memory that holds the value
  --env-file FILE    NAME=VALUE lines, # comments; values may be references
  --from JOB.json    the platform's envSecrets; storageSecret as TANTALUS_STORAGE_SECRET;
                     sparkConfSecrets as a properties file in memory, whose path is in
                     TANTALUS_SPARK_PROPERTIES, and which is given to spark-submit, spark-shell,
                     spark-sql, pyspark and sparkR by --properties-file

Of one name the last stands: environment, --from, --env-file, --env, --file.
Exits with 125 if tantalus fails, 126 if COMMAND can't be run, 127 if there is none, else as
COMMAND does.
)",
                           exec};

}  // namespace tantalus::cli
