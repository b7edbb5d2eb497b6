// SPDX-License-Identifier: Apache-2.0
#include "tests/system/opaque_agent.h"

#include <unistd.h>

#include <utility>

#include "tests/support/daemon.h"

using tantalus::test::Daemon;

namespace {

std::string config() {
  std::string text = Daemon::default_config();
  if (geteuid() != 0) {
    text.insert(text.find("default_source"), "    - user: " + std::to_string(geteuid()) + "\n      domain: ops\n");
  }
  return text;
}

}  // namespace

struct OpaqueAgent::State {
  Daemon daemon{{.config = config()}};
};

OpaqueAgent::OpaqueAgent() : state_(std::make_unique<State>()) {}
OpaqueAgent::~OpaqueAgent() = default;

bool OpaqueAgent::start() {
  return state_->daemon.start();
}

bool OpaqueAgent::stop() {
  return state_->daemon.stop() == 0;
}

std::string OpaqueAgent::socket() const {
  return state_->daemon.socket();
}

void OpaqueAgent::store(const std::string& password) const {
  state_->daemon.write_manifest("ops.yaml", Daemon::manifest("ops", {{"password", password}, {"other", "unchanged"}}));
}
