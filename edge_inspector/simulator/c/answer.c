/* Answers of the GetInfo functions: type, size negotiation, last error. And the one lock. */
#include <stdio.h>
#include <string.h>

#include "sim.h"

static __thread int32_t last_error;
static __thread char last_text[160];

/* Keeps an error for GCGetLastError of this thread and returns it. */
int32_t fail(int32_t error, const char *why) {
    last_error = error;
    snprintf(last_text, sizeof last_text, "%s", why);
    return error;
}

int32_t enter(void) {
    pthread_mutex_lock(&sim.lock);
    if (sim.is_initialized)
        return OK;
    pthread_mutex_unlock(&sim.lock);
    return fail(ERR_NOT_INITIALIZED, "GCInitLib was not called");
}

int32_t leave(int32_t error) {
    pthread_mutex_unlock(&sim.lock);
    return error;
}

/* A NULL buffer asks for the size alone; a short one is refused and told the size. */
int32_t answer_bytes(struct answer answer, int32_t type, const void *data, size_t size) {
    if (!answer.size)
        return fail(ERR_INVALID_PARAMETER, "no place for the size");
    if (answer.type)
        *answer.type = type;
    if (answer.data && *answer.size < size) {
        *answer.size = size;
        return fail(ERR_BUFFER_TOO_SMALL, "the buffer is too small for the answer");
    }
    if (answer.data)
        memcpy(answer.data, data, size);
    *answer.size = size;
    return OK;
}

int32_t answer_text(struct answer answer, const char *text) {
    return answer_bytes(answer, TYPE_STRING, text, strlen(text) + 1);
}

int32_t answer_int(struct answer answer, int32_t value) {
    return answer_bytes(answer, TYPE_INT32, &value, sizeof value);
}

int32_t answer_u32(struct answer answer, uint32_t value) {
    return answer_bytes(answer, TYPE_UINT32, &value, sizeof value);
}

int32_t answer_u64(struct answer answer, uint64_t value) {
    return answer_bytes(answer, TYPE_UINT64, &value, sizeof value);
}

int32_t answer_size(struct answer answer, size_t value) {
    return answer_bytes(answer, TYPE_SIZET, &value, sizeof value);
}

int32_t answer_bool(struct answer answer, bool value) {
    uint8_t byte = value;
    return answer_bytes(answer, TYPE_BOOL8, &byte, sizeof byte);
}

int32_t answer_pointer(struct answer answer, const void *value) {
    return answer_bytes(answer, TYPE_PTR, &value, sizeof value);
}

API GCGetLastError(int32_t *error, char *text, size_t *size) {
    if (error)
        *error = last_error;
    return answer_bytes((struct answer){NULL, text, size}, TYPE_STRING, last_text, strlen(last_text) + 1);
}
