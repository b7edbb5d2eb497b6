/* SPDX-License-Identifier: Apache-2.0 */
/* Several secrets at once over one connection, from a poll(2) loop that could serve anything else beside. */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <tantalus/tantalus.h>

int main(int argc, char** argv) {
  tantalus_client* client = tantalus_client_new();
  uint32_t* calls = calloc((size_t)argc, sizeof *calls);
  tantalus_error error;
  int waiting = 0;
  int failed = 0;
  for (int i = 1; i < argc; ++i) {
    if (tantalus_start_resolve(client, argv[i], TANTALUS_ANY_AGE, &calls[i], &error) == TANTALUS_OK) {
      ++waiting;
    } else {
      fprintf(stderr, "%s: %s\n", argv[i], error.message);
      failed = 1;
    }
  }
  while (waiting > 0) {
    struct pollfd descriptor = {tantalus_fd(client), tantalus_events(client), 0};
    poll(&descriptor, 1, tantalus_wait_ms(client));
    tantalus_process(client);
    for (int i = 1; i < argc; ++i) {
      tantalus_secret* secret = NULL;
      if (calls[i] == 0) {
        continue;
      }
      tantalus_status status = tantalus_take_secret(client, calls[i], &secret, &error);
      if (status == TANTALUS_PENDING) {
        continue;
      }
      if (status == TANTALUS_OK) {
        printf("%s: %zu bytes\n", argv[i], tantalus_secret_size(secret));
      } else {
        fprintf(stderr, "%s: %s\n", argv[i], error.message);
        failed = 1;
      }
      tantalus_secret_free(secret);
      calls[i] = 0;
      --waiting;
    }
  }
  free(calls);
  tantalus_client_free(client);
  return failed;
}
