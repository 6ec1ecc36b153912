/* What a stream and its buffers say about themselves. */
#include <string.h>

#include "sim.h"

/* Enters the library for a question about a stream or one of its buffers; `leave` is due only when this returns OK. */
static int32_t enter_stream(void *handle, struct stream **stream) {
    int32_t error = enter();
    if (error)
        return error;
    struct module *module = handle_get(handle, KIND_STREAM);
    if (!module)
        return leave(fail(ERR_INVALID_HANDLE, "not an open stream"));
    *stream = &module->camera->stream;
    return OK;
}

static int32_t enter_buffer(void *handle, void *buffer_handle, struct buffer **buffer) {
    struct stream *stream;
    int32_t error = enter_stream(handle, &stream);
    if (error)
        return error;
    *buffer = handle_get(buffer_handle, KIND_BUFFER);
    if (!*buffer || (*buffer)->stream != stream)
        return leave(fail(ERR_INVALID_HANDLE, "not a buffer of this stream"));
    return OK;
}

static int32_t stream_info(const struct stream *stream, int32_t command, struct answer answer) {
    switch (command) {
    case 0: return answer_text(answer, "SIMSTREAM0");
    case 1: return answer_u64(answer, stream->delivered);
    case 2: return answer_u64(answer, stream->underruns);
    case 3: return answer_size(answer, stream->n_buffers);
    case 4: return answer_size(answer, stream->input.count);
    case 5: return answer_size(answer, stream->output.count);
    case 6: return answer_u64(answer, stream->started);
    case 7: return answer_size(answer, payload_bytes(stream->module.camera));
    case 8: return answer_bool(answer, stream->is_running);
    case 9: return answer_bool(answer, true);
    case 10: return answer_text(answer, tl_type_name());
    case 11: return answer_size(answer, MAX_CHUNKS);
    case 12: return answer_size(answer, 1);
    case 13: return answer_size(answer, 1);
    default: return fail(ERR_NOT_IMPLEMENTED, "no such stream info");
    }
}

API DSGetInfo(void *handle, int32_t command, int32_t *type, void *data, size_t *size) {
    struct stream *stream;
    int32_t error = enter_stream(handle, &stream);
    return error ? error : leave(stream_info(stream, command, (struct answer){type, data, size}));
}

API DSGetBufferID(void *handle, uint32_t index, void **buffer) {
    struct stream *stream;
    int32_t error = enter_stream(handle, &stream);
    if (error)
        return error;
    if (!buffer)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the handle"));
    if (index >= stream->n_buffers)
        return leave(fail(ERR_INVALID_INDEX, "not so many buffers"));
    *buffer = stream->buffers[index]->handle;
    return leave(OK);
}

API DSGetParentDev(void *handle, void **device) {
    struct stream *stream;
    int32_t error = enter_stream(handle, &stream);
    if (error)
        return error;
    if (!device)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the handle"));
    *device = stream->module.camera->device.handle;
    return leave(OK);
}

static int32_t place_info(const struct buffer *buffer, int32_t command, struct answer answer) {
    switch (command) {
    case 10: return answer_size(answer, buffer->width);
    case 11: return answer_size(answer, buffer->height);
    case 12: return answer_size(answer, buffer->offset_x);
    case 13: return answer_size(answer, 0);
    case 14: return answer_size(answer, buffer->padding_x);
    case 15: return answer_size(answer, 0);
    case 16: return answer_u64(answer, buffer->frame_id);
    case 17: return answer_bool(answer, buffer->image_bytes > 0);
    case 18: return answer_size(answer, 0);
    case 19: return answer_size(answer, PAYLOAD_IMAGE);
    case 20: return answer_u64(answer, buffer->pixel_format);
    case 21: return answer_u64(answer, 4); /* PFNC, 32 bit */
    case 22: return answer_size(answer, buffer->delivered_height);
    case 23: return answer_size(answer, buffer->has_chunks ? buffer->filled : 0);
    default: return fail(ERR_NOT_AVAILABLE, "no such buffer info");
    }
}

static int32_t buffer_info(const struct buffer *buffer, int32_t command, struct answer answer) {
    enum buffer_state state = buffer->state;
    switch (command) {
    case 0: return answer_pointer(answer, buffer->base);
    case 1: return answer_size(answer, buffer->size);
    case 2: return answer_pointer(answer, buffer->user);
    case 3:
    case 28: return answer_u64(answer, buffer->timestamp_ns);
    case 4: return answer_bool(answer, buffer->is_new);
    case 5: return answer_bool(answer, state == BUFFER_INPUT || state == BUFFER_FILLING || state == BUFFER_OUTPUT);
    case 6: return answer_bool(answer, state == BUFFER_FILLING);
    case 7: return answer_bool(answer, buffer->is_incomplete);
    case 8: return answer_text(answer, tl_type_name());
    case 9: return answer_size(answer, buffer->filled);
    case 26: return answer_int(answer, 1); /* little endian */
    case 27: return answer_size(answer, buffer->larger_bytes ? buffer->larger_bytes : buffer->filled);
    case 29: return answer_bool(answer, buffer->is_larger);
    case 30: return answer_bool(answer, buffer->has_chunks);
    case 31: return answer_bool(answer, false);
    default: return place_info(buffer, command, answer);
    }
}

API DSGetBufferInfo(void *handle, void *buffer_handle, int32_t command, int32_t *type, void *data, size_t *size) {
    struct buffer *buffer;
    int32_t error = enter_buffer(handle, buffer_handle, &buffer);
    return error ? error : leave(buffer_info(buffer, command, (struct answer){type, data, size}));
}

API DSGetBufferChunkData(void *handle, void *buffer_handle, struct chunk_entry *entries, size_t *count) {
    struct buffer *buffer;
    int32_t error = enter_buffer(handle, buffer_handle, &buffer);
    if (error)
        return error;
    if (!count)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the number"));
    size_t room = *count;
    *count = buffer->n_chunks;
    if (entries && room < buffer->n_chunks)
        return leave(fail(ERR_BUFFER_TOO_SMALL, "there are more chunks"));
    if (entries)
        memcpy(entries, buffer->chunks, buffer->n_chunks * sizeof *entries);
    return leave(OK);
}
