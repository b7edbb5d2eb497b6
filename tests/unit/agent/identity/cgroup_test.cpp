// SPDX-License-Identifier: Apache-2.0
#include "agent/identity/cgroup.h"

#include <fcntl.h>

#include <string>
#include <vector>

#include "agent/identity/proc.h"
#include "tests/support/catch.h"

namespace tantalus {
namespace {

using Place = CgroupVerdict::Place;

const std::string id(64, 'a');
const std::string uid = "2c48913c-b29f-11e7-9350-020968147796";

Place place_of(const std::string& path) {
  return classify("0::" + path + "\n").place;
}

}  // namespace

TEST_CASE("every container manager's layout is a container's, in version 1 and 2", "[promise-3][trap-3][trap-135]") {
  const std::string underscored = "2c48913c_b29f_11e7_9350_020968147796";
  const std::string undashed = "2c48913cb29f11e79350020968147796";
  for (const std::string& path : std::vector<std::string>{
           "/kubepods/pod" + uid + "/" + id,
           "/kubepods/besteffort/pod" + uid + "/" + id,
           "/kubepods/burstable/pod" + undashed + "/" + id,
           "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + underscored + ".slice/cri-containerd-" +
               id + ".scope",
           "/kubepods.slice/kubepods-pod" + underscored + ".slice/crio-" + id + ".scope",
           "/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/x",
           "/kubelet.slice/kubelet-kubepods.slice/x",
           "/docker/" + id + "/kubepods/besteffort/pod" + uid + "/" + id,
           "/../../pod" + uid + "/" + id,
           "/../pod" + undashed + "/x",
           "/system.slice/containerd.service/kubepods-burstable-pod" + underscored + ".slice:cri-containerd:" + id,
           "/system.slice:docker:abc",
           "/docker/" + id,
           "/docker/short",
           "/system.slice/docker-" + id + ".scope",
           "/user.slice/user-1000.slice/user@1000.service/docker-abc.scope",
           "/default/redis",
           "/k8s.io/x",
           "/moby/" + id,
           "/machine.slice/libpod-" + id + ".scope/container",
           "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id + ".scope",
           "/libpod_parent/libpod-1",
           "/crio-conmon-1.scope",
           "/lxc/web",
           "/lxc.payload.web/init.scope",
           "/lxc.monitor.web",
           "/machine.slice/systemd-nspawn@web.service/payload",
           "/machine.slice/machine-qemu\\x2d1.scope",
           "/buildah-1.scope",
           "/garden/x",
           "/ecs/task/x",
           "/mesos/x",
           "/kata_overhead/x",
           "/anything/" + id,
           "/anything-" + id + ".scope/below/it",
       }) {
    INFO(path);
    CHECK(place_of(path) == Place::container);
    CHECK(classify("4:memory:" + path + "\n").place == Place::container);
    CHECK_FALSE(classify("0::" + path + "\n").layout.empty());
  }
}

TEST_CASE("host processes are the host's, also beside container managers") {
  for (const char* path :
       {"/", "/init.scope", "/system.slice/sshd.service", "/system.slice/docker.service", "/system.slice/lxc.service",
        "/system.slice/crio.service", "/system.slice/containerd.service", "/system.slice/kubelet.service",
        "/system.slice/docker.socket", "/user.slice/user-1000.slice/session-3.scope",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1.scope",
        "/process_api/b57588600a938ba2e9b431081a5f6e64", "/system.slice/default", "/user.slice/podcast.service",
        "/system.slice/podman.service", "/system.slice/dockerd-helper.service"}) {
    INFO(path);
    CHECK(place_of(path) == Place::host);
  }
  CHECK(classify(proc::read_text(AT_FDCWD, "/proc/self/cgroup").value_or("")).place != Place::unclear);
}

TEST_CASE("one container's line is enough, wherever it stands", "[promise-3][trap-5]") {
  const std::string host = "2:cpu:/user.slice\n";
  const std::string container = "1:memory:/docker/" + id + "\n";
  const std::string unclear = "3:pids:/../x\n";
  CHECK(classify(host + container + "0::/\n").place == Place::container);
  CHECK(classify(container + host).place == Place::container);
  CHECK(classify(unclear + container).place == Place::container);
  CHECK(classify(container + unclear).place == Place::container);
  CHECK(classify(host + unclear).place == Place::unclear);
  CHECK(classify(unclear + host).place == Place::unclear);
  CHECK(classify("1:memory:/docker/x\n").layout == "docker");
}

TEST_CASE("a path keeps its colons, and fewer fields than three are no line", "[trap-2]") {
  const CgroupLine line = split_cgroup_line("1:name=systemd:/a:b:c");
  CHECK(line.is_whole);
  CHECK(line.controllers == "name=systemd");
  CHECK(line.path == "/a:b:c");
  for (const char* wrong : {"11:hugetlb", "", ":", "::", "::/", "x:cpu:/", "1:cpu:relative", "1:cpu:"}) {
    INFO(wrong);
    CHECK_FALSE(split_cgroup_line(wrong).is_whole);
    CHECK(classify(std::string(wrong) + "\n").place == Place::unclear);
  }
}

TEST_CASE("what can't be judged is unclear, never the host's", "[promise-3][promise-14]") {
  CHECK(classify("").place == Place::unclear);
  CHECK(classify("0::/user.slice").place == Place::unclear);  // Cut short.
  CHECK(classify("\n").place == Place::unclear);
  CHECK(classify("0::/user.slice\n\n").place == Place::unclear);
  CHECK(place_of("/..") == Place::unclear);
  CHECK(place_of("/../../user.slice") == Place::unclear);
  CHECK(classify(std::string("0::/\0\n", 6)).place == Place::host);
  const std::string long_text = "0::/" + std::string(1'000'000, '/') + "kubepods\n";
  CHECK(classify(long_text).place == Place::container);
}

TEST_CASE("a text with only roots in version 1 may hide where its process lives", "[promise-3]") {
  CHECK(may_hide_its_place("2:cpu:/\n1:memory:/\n0::/docker/x\n"));
  CHECK_FALSE(may_hide_its_place("2:cpu:/\n1:memory:/x\n0::/\n"));
  CHECK_FALSE(may_hide_its_place("0::/\n"));
}

}  // namespace tantalus
