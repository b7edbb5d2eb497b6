// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/cgroup.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace tantalus {
namespace {

bool is_lower_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/// A run of 64 or more hex digits: the id that every OCI manager gives a container. Shorter ones (a supervisor's 32)
/// are names like any other.
bool holds_container_id(std::string_view name) noexcept {
  std::size_t run = 0;
  for (const char c : name) {
    run = is_lower_hex(c) ? run + 1 : 0;
    if (run == 64) {
      return true;
    }
  }
  return false;
}

/// `pod` and a UID, with dashes or without (trap 6).
bool is_pod_directory(std::string_view name) noexcept {
  if (!name.starts_with("pod")) {
    return false;
  }
  const std::string_view uid = name.substr(3);
  const bool has_length = uid.size() == 36 || uid.size() == 32;
  return has_length && std::ranges::all_of(uid, [](char c) { return is_lower_hex(c) || c == '-' || c == '_'; });
}

enum class How : std::uint8_t { is, starts, holds, is_top };

/// How managers name a directory of a cgroup path. Where a name could be a host service's too (`docker.service`,
/// `lxc.service`), the pattern leaves it out.
struct Layout {
  std::string_view name;
  How how;
  std::string_view pattern;
};

constexpr std::array layouts{
    // The kubelet with both of its cgroup drivers (pkg/kubelet/cm), and under a prefix such as kubelet-kubepods.slice.
    Layout{"kubepods", How::starts, "kubepods"},
    Layout{"kubepods", How::holds, "-kubepods"},
    // runc's `slice:prefix:id`, given to a manager that takes it for a plain name.
    Layout{"cri-containerd", How::holds, ".slice:"},
    Layout{"cri-containerd", How::holds, ":cri-containerd:"},
    Layout{"cri-containerd", How::starts, "cri-containerd"},
    // containerd's own clients: /<containerd namespace>/<any name>.
    Layout{"containerd", How::is_top, "default"},
    Layout{"containerd", How::is_top, "k8s.io"},
    Layout{"containerd", How::is_top, "moby"},
    Layout{"containerd", How::starts, "nerdctl-"},
    Layout{"docker", How::is, "docker"},
    Layout{"docker", How::starts, "docker-"},
    Layout{"docker", How::is, "buildkit"},
    Layout{"crio", How::starts, "crio-"},
    Layout{"crio", How::is, "crio"},
    Layout{"libpod", How::starts, "libpod"},
    Layout{"libpod", How::starts, "buildah-"},
    Layout{"lxc", How::is, "lxc"},
    Layout{"lxc", How::starts, "lxc.payload"},
    Layout{"lxc", How::starts, "lxc.monitor"},
    Layout{"lxc", How::starts, "lxc.pivot"},
    // systemd-nspawn, libvirt, and whatever registers with systemd-machined.
    Layout{"machine.slice", How::is, "machine.slice"},
    Layout{"machine.slice", How::starts, "machine-"},
    Layout{"machine.slice", How::starts, "systemd-nspawn@"},
    Layout{"garden", How::is, "garden"},
    Layout{"ecs", How::is, "ecs"},
    Layout{"ecs", How::starts, "ecstasks"},
    Layout{"nomad", How::is, "nomad"},
    Layout{"nomad", How::is, "nomad.slice"},
    Layout{"mesos", How::is, "mesos"},
    Layout{"kata", How::starts, "kata_"},
};

std::string_view layout_of(std::string_view name, bool is_top) noexcept {
  for (const Layout& layout : layouts) {
    const bool fits = (layout.how == How::is && name == layout.pattern) ||
                      (layout.how == How::starts && name.starts_with(layout.pattern)) ||
                      (layout.how == How::holds && name.contains(layout.pattern)) ||
                      (layout.how == How::is_top && is_top && name == layout.pattern);
    if (fits) {
      return layout.name;
    }
  }
  if (is_pod_directory(name)) {
    return "kubepods";
  }
  return holds_container_id(name) ? "container id" : std::string_view();
}

CgroupVerdict classify_path(std::string_view path) noexcept {
  using Place = CgroupVerdict::Place;
  bool hidden = false;
  bool is_top = true;
  std::string_view rest = path.substr(1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view name = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    hidden = hidden || name == "..";
    if (const std::string_view layout = layout_of(name, is_top); !layout.empty()) {
      return {Place::container, layout};
    }
    is_top = is_top && name == "..";
  }
  return hidden ? CgroupVerdict{Place::unclear, "a path outside our cgroup namespace"} : CgroupVerdict{Place::host, {}};
}

/// Calls `visit` for each line; false, and no call, for a text that doesn't end with a line's end.
template <class Visit>
bool for_each_line(std::string_view text, Visit visit) noexcept {
  if (text.empty() || text.back() != '\n') {
    return false;
  }
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    visit(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace

CgroupLine split_cgroup_line(std::string_view line) noexcept {
  const std::size_t first = line.find(':');
  const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
  if (second == std::string_view::npos) {
    return {};
  }
  CgroupLine split{line.substr(0, first), line.substr(first + 1, second - first - 1), line.substr(second + 1)};
  split.is_whole = !split.hierarchy.empty() && split.path.starts_with('/') &&
                   std::ranges::all_of(split.hierarchy, [](char c) { return c >= '0' && c <= '9'; });
  return split;
}

CgroupVerdict classify(std::string_view text) noexcept {
  using Place = CgroupVerdict::Place;
  CgroupVerdict container;
  CgroupVerdict unclear;
  const bool is_text = for_each_line(text, [&](std::string_view line) {
    const CgroupLine split = split_cgroup_line(line);
    const CgroupVerdict verdict =
        split.is_whole ? classify_path(split.path) : CgroupVerdict{Place::unclear, "a line that is no cgroup's"};
    CgroupVerdict& kept = verdict.place == Place::container ? container : unclear;
    if (verdict.place != Place::host && kept.layout.empty()) {
      kept = verdict;
    }
  });
  if (!container.layout.empty()) {
    return container;
  }
  if (!is_text) {
    return {Place::unclear, "no whole text"};
  }
  return unclear.layout.empty() ? CgroupVerdict{Place::host, {}} : unclear;
}

bool may_hide_its_place(std::string_view text) noexcept {
  bool any = false;
  bool all_root = true;
  for_each_line(text, [&](std::string_view line) {
    const CgroupLine split = split_cgroup_line(line);
    if (split.is_whole && split.hierarchy != "0") {
      any = true;
      all_root = all_root && split.path == "/";
    }
  });
  return any && all_root;
}

}  // namespace tantalus
