// SPDX-License-Identifier: Apache-2.0
// refused: calling a private constructor of class 'tantalus::Peer'
#include "agent/identity/peer.h"

bool is_root(int socket) {
#ifdef WRONG
  const tantalus::Peer peer;
  return peer.uid() == 0 && socket >= 0;
#else
  const tantalus::Result<tantalus::Peer> peer = tantalus::Peer::take(socket);
  return peer && peer->uid() == 0;
#endif
}
