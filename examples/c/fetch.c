/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches one secret, and says of it what may be said. */
#include <stdio.h>
#include <tantalus/tantalus.h>

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: fetch REFERENCE\n");
    return 2;
  }
  tantalus_client* client = tantalus_client_new();
  tantalus_secret* secret = NULL;
  tantalus_error error;
  tantalus_status status = tantalus_resolve(client, argv[1], TANTALUS_ANY_AGE, &secret, &error);
  if (status != TANTALUS_OK) {
    fprintf(stderr, "%s: %s: %s\n", argv[1], tantalus_status_name(status), error.message);
  } else if (secret == NULL) {
    printf("%s: not there, and optional\n", argv[1]);
  } else {
    /* tantalus_secret_data() is the value: to be used where it lies, not copied and not printed. */
    printf("%s: %zu bytes from %s, version %s\n", tantalus_secret_key(secret), tantalus_secret_size(secret),
           tantalus_secret_source(secret), tantalus_secret_version(secret));
  }
  tantalus_secret_free(secret);
  tantalus_client_free(client);
  return status == TANTALUS_OK ? 0 : 1;
}
