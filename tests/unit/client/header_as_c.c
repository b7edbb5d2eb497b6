/* SPDX-License-Identifier: Apache-2.0 */
/* tantalus.h is C99, and its structs and numbers are what programs were compiled with. */
#include <tantalus/tantalus.h>

/* A negative size where the condition does not hold: C99 has no static assertions. */
#define HOLDS(name, condition) typedef char name[(condition) ? 1 : -1]

HOLDS(error_keeps_its_size, sizeof(tantalus_error) == 512);
HOLDS(first_code_keeps_its_number, TANTALUS_INVALID_REQUEST == 1);
HOLDS(last_code_keeps_its_number, TANTALUS_INTERNAL == 9);
HOLDS(last_status_keeps_its_number, TANTALUS_OUT_OF_MEMORY == 13);
HOLDS(last_kind_keeps_its_number, TANTALUS_TEXT == 3);

int tantalus_header_is_c(void);
int tantalus_header_is_c(void) {
  return tantalus_status_is_retryable(TANTALUS_OK);
}
