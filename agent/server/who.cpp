// SPDX-License-Identifier: Apache-2.0
#include "agent/server/who.h"

namespace tantalus {

reply::Who who_of(const Identity& identity) noexcept {
  const IdentityFacts& facts = identity.facts();
  reply::Who who;
  if (identity.domain() != nullptr) {
    who.domain = identity.domain()->name;
  }
  who.admin = identity.is_admin();
  who.attested_by = to_text(facts.attested_by);
  who.pod = facts.pod;
  who.namespace_name = facts.namespace_name;
  who.service_account = facts.service_account;
  who.pod_uid = facts.pod_uid;
  who.container = facts.container;
  who.unit = facts.unit;
  who.uid = facts.uid;
  who.gid = facts.gid;
  who.pid = facts.pid;
  return who;
}

}  // namespace tantalus
