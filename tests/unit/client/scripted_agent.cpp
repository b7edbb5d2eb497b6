// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/client/scripted_agent.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "protocol/frame.h"
#include "protocol/limits.h"

using tantalus::check;

ScriptedAgent::Peer::~Peer() {
  ::close(fd_);
}

std::optional<std::vector<std::byte>> ScriptedAgent::Peer::request() {
  tantalus::FrameCutter cutter(tantalus::FrameCutter::Side::agent);
  while (true) {
    const auto size = unread_.empty() ? tantalus::Result<std::size_t>(std::size_t{0}) : cutter.next(unread_);
    check(size.has_value(), "the client sent what is no request");
    if (*size > 0) {
      std::vector<std::byte> request(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(*size));
      unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(*size));
      return request;
    }
    std::array<std::byte, 4096> bytes;
    const ssize_t count = recv(fd_, bytes.data(), bytes.size(), 0);
    if (count <= 0) {
      return std::nullopt;
    }
    unread_.insert(unread_.end(), bytes.begin(), bytes.begin() + count);
  }
}

void ScriptedAgent::Peer::send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) {
      return;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void ScriptedAgent::Peer::drip(std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    send(bytes.subspan(i, 1));
  }
}

void ScriptedAgent::Peer::wait_for_close() {
  std::array<std::byte, 256> bytes;
  while (recv(fd_, bytes.data(), bytes.size(), 0) > 0) {
  }
}

ScriptedAgent::ScriptedAgent(std::vector<Script> scripts) {
  std::string folder = "/tmp/tantalus-client-XXXXXX";
  check(mkdtemp(folder.data()) != nullptr, "no temporary folder");
  folder_ = folder;
  path_ = folder_ + "/agent.sock";
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path_, address.sun_path);
  check(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "cannot bind");
  check(listen(listener_, 16) == 0, "cannot listen");
  thread_ = std::thread([this, list = std::move(scripts)] {
    for (const Script& script : list) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) {
        return;
      }
      ++connections_;
      Peer peer(fd);
      script(peer);
    }
    shutdown(listener_, SHUT_RDWR);
  });
}

ScriptedAgent::~ScriptedAgent() {
  shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
  unlink(path_.c_str());
  rmdir(folder_.c_str());
}

namespace {

tantalus::Call read_call(std::span<const std::byte> request) {
  tantalus::MessageReader reader(tantalus::limits::max_batch);
  check(reader.read(request) == tantalus::MessageReader::Kind::call, "the client sent a bad request");
  return reader.call();
}

}  // namespace

std::uint32_t number_of(std::span<const std::byte> request) {
  return read_call(request).msgid;
}

tantalus::Method method_of(std::span<const std::byte> request) {
  return read_call(request).method;
}

std::vector<std::byte> secret_reply(std::uint32_t msgid, std::string_view key, std::string_view value) {
  tantalus::ReplyBuffer out;
  tantalus::SecretHead head{.key = key,
                            .source = tantalus::Source::file,
                            .scope = tantalus::Scope::domain,
                            .id = {},
                            .version = "1725148800000000000-4711",
                            .updated_at = std::nullopt};
  tantalus::reply::secret(out, msgid, head, value.size());
  const auto bytes = std::as_bytes(std::span(value));
  out.insert(out.end(), bytes.begin(), bytes.end());
  return out;
}

std::vector<std::byte> error_reply(std::uint32_t msgid, tantalus::Code code, std::string message) {
  tantalus::ReplyBuffer out;
  tantalus::reply::error(out, msgid, {code, std::move(message), tantalus::Millis{250}});
  return out;
}

std::vector<std::byte> pong(std::uint32_t msgid) {
  tantalus::ReplyBuffer out;
  tantalus::reply::pong(out, msgid);
  return out;
}
