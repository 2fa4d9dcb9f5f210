/* SPDX-License-Identifier: Apache-2.0
 *
 * Out parameters: filled with a pattern before the call, so that an implementation that leaves
 * one alone is seen whatever the value it should have had.
 */
#ifndef PROBE_OUT_PARAMETERS_H
#define PROBE_OUT_PARAMETERS_H

#include "request.h"

#define PATTERN_BYTE 0xA5 /* fills buffers and attribute structures */
#define PATTERN_U32 0xA5A5A5A5u

/* In each, `pointer` is what goes to the call: NULL when the request says `override`: "null". */
struct handle_result {
    SecHandle value;
    SecHandle *pointer;
};

struct mask_result {
    ULONG value;
    ULONG *pointer;
};

struct time_result {
    TimeStamp value;
    TimeStamp *pointer;
};

void handle_result_prepare(struct request *r, struct handle_result *result, const char *override);
bool handle_result_written(const struct handle_result *result);
void handle_result_answer(struct request *r, const struct handle_result *result, const char *key);

void mask_result_prepare(struct request *r, struct mask_result *result, const char *override);
void mask_result_answer(struct request *r, const struct mask_result *result, const char *key);

void time_result_prepare(struct request *r, struct time_result *result, const char *override);
void time_result_answer(struct request *r, const struct time_result *result, const char *key);

#endif
