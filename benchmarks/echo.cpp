// SPDX-License-Identifier: Apache-2.0
// The floor that the agent is measured against: a Unix-socket server on bare epoll that answers each REQUEST_BYTES
// bytes with the bytes of REPLY_FILE, and knows nothing else.
//
//   tantalus_echo SOCKET REQUEST_BYTES REPLY_FILE
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/unix_socket.h"

namespace tantalus::bench {
namespace {

struct Client {
  Descriptor socket;
  std::size_t partial = 0;      ///< Bytes of a request that is not whole yet.
  std::size_t owed = 0;         ///< Bytes of replies not sent yet.
  std::size_t offset = 0;       ///< Where in a reply the next byte to send stands.
  bool waits_to_write = false;  ///< EPOLLOUT is asked for.
};

class Echo {
 public:
  Echo(const std::string& path, std::size_t request_bytes, const std::string& reply)
      : listener_(listen_at(path)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        request_bytes_(request_bytes),
        reply_bytes_(reply.size()) {
    // Several replies stand side by side, so that a pipelined batch goes out in one send.
    const std::size_t copies = 1 + std::size_t{65536} / reply_bytes_;
    for (std::size_t i = 0; i < copies; ++i) {
      replies_ += reply;
    }
    watch(EPOLL_CTL_ADD, listener_.get(), EPOLLIN);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 64> events{};
    while (true) {
      const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < ready; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == listener_.get()) {
          accept_one();
          continue;
        }
        serve(clients_.at(event.data.fd), event.events);
      }
    }
  }

 private:
  void watch(int operation, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) {
      give_up("epoll_ctl");
    }
  }

  void accept_one() {
    Descriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer.is_open()) {
      return;
    }
    const int fd = peer.get();
    watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    clients_[fd] = Client{std::move(peer)};
  }

  void serve(Client& client, std::uint32_t events) {
    if ((events & (EPOLLIN | EPOLLHUP)) != 0 && !read_requests(client)) {
      clients_.erase(client.socket.get());
      return;
    }
    write_replies(client);
  }

  bool read_requests(Client& client) {
    const ssize_t got = ::recv(client.socket.get(), input_.data(), input_.size(), 0);
    if (got < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    if (got == 0) {
      return false;
    }
    const std::size_t whole = client.partial + static_cast<std::size_t>(got);
    client.owed += whole / request_bytes_ * reply_bytes_;
    client.partial = whole % request_bytes_;
    return true;
  }

  void write_replies(Client& client) {
    while (client.owed > 0) {
      const std::size_t size = std::min(client.owed, replies_.size() - client.offset);
      const ssize_t sent = ::send(client.socket.get(), replies_.data() + client.offset, size, MSG_NOSIGNAL);
      if (sent <= 0) {
        break;
      }
      client.owed -= static_cast<std::size_t>(sent);
      client.offset = (client.offset + static_cast<std::size_t>(sent)) % reply_bytes_;
    }
    const bool waits = client.owed > 0;
    if (waits != client.waits_to_write) {
      client.waits_to_write = waits;
      watch(EPOLL_CTL_MOD, client.socket.get(), waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
  }

  Descriptor listener_;
  Descriptor epoll_;
  std::size_t request_bytes_;
  std::size_t reply_bytes_;
  std::string replies_;
  std::map<int, Client> clients_;
  std::array<std::byte, 65536> input_{};
};

}  // namespace
}  // namespace tantalus::bench

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  if (arguments.size() != 4) {
    std::fputs("usage: tantalus_echo SOCKET REQUEST_BYTES REPLY_FILE\n", stderr);
    return 2;
  }
  std::ifstream file(arguments[3], std::ios::binary);
  const std::string reply((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t request_bytes = std::strtoul(arguments[2].c_str(), nullptr, 10);
  if (reply.empty() || request_bytes == 0) {
    std::fputs("tantalus_echo: REQUEST_BYTES must be a positive number, and REPLY_FILE must hold bytes\n", stderr);
    return 2;
  }
  tantalus::bench::Echo(arguments[1], request_bytes, reply).run();
}
