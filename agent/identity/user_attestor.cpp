// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/user_attestor.h"

#include <fcntl.h>

#include <charconv>
#include <optional>
#include <string>

#include "agent/identity/cgroup.h"
#include "agent/identity/proc.h"

namespace tantalus {
namespace {

class UserAttestor final : public Attestor {
 public:
  explicit UserAttestor(uid_t overflow) noexcept : overflow_uid_(overflow) {}
  [[nodiscard]] AttestorKind kind() const noexcept override { return AttestorKind::user; }
  [[nodiscard]] Task<Verdict> attest(const Peer& peer, Cancel& /*cancel*/) override {
    co_return judge_host_user(peer, overflow_uid_);
  }

 private:
  uid_t overflow_uid_;
};

Error refused(std::string message) {
  return Error{Code::unauthenticated, std::move(message)};
}

}  // namespace

Verdict judge_host_user(const Peer& peer, uid_t overflow_uid) {
  const CgroupVerdict cgroup = classify(peer.cgroups());
  if (cgroup.place == CgroupVerdict::Place::container) {
    return refused("the caller is in a container's cgroup (" + std::string(cgroup.layout) +
                   "), so it is no user of the host");
  }
  if (cgroup.place == CgroupVerdict::Place::unclear) {
    return refused("the caller's cgroup can't be judged (" + std::string(cgroup.layout) +
                   "), so it is no user of the host");
  }
  if (peer.in_nested_pid_namespace()) {
    return refused("the caller is in a pid namespace of its own, so it is no user of the host");
  }
  if (peer.uid() == overflow_uid) {
    return refused("the caller has the overflow uid, which is nobody's");
  }
  IdentityFacts facts;
  facts.attested_by = AttestorKind::user;
  facts.pid = peer.pid();
  facts.uid = peer.uid();
  facts.gid = peer.gid();
  return facts;
}

uid_t overflow_uid() {
  constexpr uid_t kernel_default = 65534;  // DEFAULT_OVERFLOWUID, include/linux/highuid.h.
  const std::optional<std::string> text = proc::read_text(AT_FDCWD, "/proc/sys/kernel/overflowuid");
  uid_t uid = kernel_default;
  if (text) {
    std::from_chars(text->data(), text->data() + text->size(), uid);
  }
  return uid;
}

std::unique_ptr<Attestor> make_user_attestor() {
  return std::make_unique<UserAttestor>(overflow_uid());
}

}  // namespace tantalus
