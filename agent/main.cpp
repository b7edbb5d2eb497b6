// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "agent/config/load.h"
#include "agent/daemon.h"
#include "agent/daemon_settings.h"
#include "agent/process/harden.h"
#include "agent/version.h"

namespace {

using tantalus::ExitCode;

constexpr const char* default_config = "/etc/tantalus/tantalusd.yaml";

constexpr const char* help =
    "usage: tantalusd [--config PATH] [--check-config]\n"
    "\n"
    "Turns references to secrets into their values for the workloads of this node.\n"
    "\n"
    "  --config PATH    read PATH instead of /etc/tantalus/tantalusd.yaml\n"
    "  --check-config   check the configuration and exit: 0 it is good, 78 it is refused\n"
    "  --version        print the version and exit\n"
    "  --help           print this and exit\n"
    "\n"
    "SIGHUP reloads the configuration, SIGUSR1 reopens the audit file, SIGTERM stops.\n"
    "See tantalusd(8), tantalusd.yaml(5).\n";

struct Options {
  std::string config = default_config;
  bool check = false;
};

int usage(const char* what) {
  std::fprintf(stderr, "tantalusd: %s\ntry: tantalusd --help\n", what);
  return ExitCode::usage;
}

/// The exit code where there is nothing more to do.
std::optional<int> read_options(int argc, char** argv, Options& options) {
  constexpr option known[] = {{"config", required_argument, nullptr, 'c'},
                              {"check-config", no_argument, nullptr, 'k'},
                              {"version", no_argument, nullptr, 'v'},
                              {"help", no_argument, nullptr, 'h'},
                              {nullptr, 0, nullptr, 0}};
  ::opterr = 0;
  for (int chosen = 0; (chosen = ::getopt_long(argc, argv, "", known, nullptr)) != -1;) {
    switch (chosen) {
      case 'c':
        options.config = ::optarg;
        break;
      case 'k':
        options.check = true;
        break;
      case 'v':
        std::printf("tantalusd %s (%s)\n", tantalus::version_text.data(), tantalus::commit_text.data());
        return ExitCode::stopped;
      case 'h':
        std::fputs(help, stdout);
        return ExitCode::stopped;
      default:
        return usage((std::string("unknown option or missing value: ") + argv[::optind - 1]).c_str());
    }
  }
  if (::optind < argc) {
    return usage((std::string("unexpected argument: ") + argv[::optind]).c_str());
  }
  return std::nullopt;
}

int run(const Options& options) {
  const auto dumps = tantalus::forbid_dumps();
  if (!dumps.has_value()) {
    std::fprintf(stderr, "tantalusd: %s\n", dumps.error().message.c_str());
    return ExitCode::system;
  }
  tantalus::Result<tantalus::LoadedConfig> loaded = tantalus::load_config(options.config);
  if (!loaded.has_value()) {
    std::fprintf(stderr, "tantalusd: %s\n", loaded.error().message.c_str());
    return ExitCode::configuration;
  }
  if (options.check) {
    if (const auto refusal = tantalus::refuse(loaded->config)) {
      std::fprintf(stderr, "tantalusd: %s: %s\n", options.config.c_str(), refusal->c_str());
      return ExitCode::configuration;
    }
    std::printf("%s: good\n", options.config.c_str());
    return ExitCode::stopped;
  }
  tantalus::Log log(tantalus::log_level(loaded->config), tantalus::log_format(loaded->config));
  auto daemon = tantalus::Daemon::start(std::move(*loaded), log);
  if (!daemon.has_value()) {
    std::fprintf(stderr, "tantalusd: %s\n", daemon.error().message.c_str());
    return daemon.error().exit_code;
  }
  return (*daemon)->run();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const std::optional<int> done = read_options(argc, argv, options)) {
    return *done;
  }
  // Until their handlers are there: a reload or a rotation that is asked for too early must not end the start.
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGUSR1, SIG_IGN);
  return run(options);
}
