/* The data stream: announced buffers and their way through input pool, filling, output queue and consumer. */
#include <stdlib.h>

#include "sim.h"

#define ALIGNMENT 64

void queue_push(struct buffer_queue *queue, struct buffer *buffer, enum buffer_state state) {
    buffer->next = NULL;
    buffer->state = state;
    if (queue->last)
        queue->last->next = buffer;
    else
        queue->first = buffer;
    queue->last = buffer;
    queue->count++;
}

struct buffer *queue_pop(struct buffer_queue *queue) {
    struct buffer *buffer = queue->first;
    if (!buffer)
        return NULL;
    queue->first = buffer->next;
    if (!queue->first)
        queue->last = NULL;
    queue->count--;
    buffer->next = NULL;
    return buffer;
}

/* Enters the library for a call on a stream; `leave` is due only when this returns OK. */
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

/* The same for a call on one of its buffers. */
static int32_t enter_buffer(void *handle, void *buffer_handle, struct stream **stream, struct buffer **buffer) {
    int32_t error = enter_stream(handle, stream);
    if (error)
        return error;
    *buffer = handle_get(buffer_handle, KIND_BUFFER);
    if (!*buffer || (*buffer)->stream != *stream)
        return leave(fail(ERR_INVALID_HANDLE, "not a buffer of this stream"));
    return OK;
}

static int32_t announce(struct stream *stream, void *base, size_t size, void *user, void **announced) {
    if (stream->n_buffers >= MAX_BUFFERS)
        return fail(ERR_RESOURCE_EXHAUSTED, "a stream takes 512 buffers");
    struct buffer *buffer = calloc(1, sizeof *buffer);
    void *handle = buffer ? handle_new(KIND_BUFFER, buffer) : NULL;
    bool is_own = base == NULL;
    if (handle && is_own)
        base = aligned_alloc(ALIGNMENT, (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    if (!handle || !base) {
        handle_drop(handle);
        free(buffer);
        return fail(ERR_RESOURCE_EXHAUSTED, "out of memory or handles");
    }
    *buffer = (struct buffer){
        .handle = handle, .stream = stream, .base = base, .size = size, .user = user, .is_own = is_own};
    stream->buffers[stream->n_buffers++] = buffer;
    *announced = handle;
    return OK;
}

API DSAnnounceBuffer(void *handle, void *base, size_t size, void *user, void **buffer) {
    struct stream *stream;
    int32_t error = enter_stream(handle, &stream);
    if (error)
        return error;
    if (!base || size == 0 || !buffer)
        return leave(fail(ERR_INVALID_PARAMETER, "no memory, or no place for the handle"));
    return leave(announce(stream, base, size, user, buffer));
}

API DSAllocAndAnnounceBuffer(void *handle, size_t size, void *user, void **buffer) {
    struct stream *stream;
    int32_t error = enter_stream(handle, &stream);
    if (error)
        return error;
    if (size == 0 || size > SIZE_MAX / 2 || !buffer)
        return leave(fail(ERR_INVALID_PARAMETER, "no such size, or no place for the handle"));
    return leave(announce(stream, NULL, size, user, buffer));
}

static void free_buffer(struct buffer *buffer) {
    handle_drop(buffer->handle);
    if (buffer->is_own)
        free(buffer->base);
    free(buffer);
}

API DSRevokeBuffer(void *handle, void *buffer_handle, void **base, void **user) {
    struct stream *stream;
    struct buffer *buffer;
    int32_t error = enter_buffer(handle, buffer_handle, &stream, &buffer);
    if (error)
        return error;
    if (buffer->state == BUFFER_INPUT || buffer->state == BUFFER_FILLING || buffer->state == BUFFER_OUTPUT)
        return leave(fail(ERR_BUSY, "the buffer is queued"));
    if (base)
        *base = buffer->is_own ? NULL : buffer->base;
    if (user)
        *user = buffer->user;
    for (size_t i = 0; i < stream->n_buffers; i++)
        if (stream->buffers[i] == buffer)
            stream->buffers[i] = stream->buffers[--stream->n_buffers];
    free_buffer(buffer);
    return leave(OK);
}

API DSQueueBuffer(void *handle, void *buffer_handle) {
    struct stream *stream;
    struct buffer *buffer;
    int32_t error = enter_buffer(handle, buffer_handle, &stream, &buffer);
    if (error)
        return error;
    if (buffer->state != BUFFER_IDLE && buffer->state != BUFFER_DELIVERED)
        return leave(fail(ERR_RESOURCE_IN_USE, "the buffer is queued"));
    buffer->is_new = false;
    queue_push(&stream->input, buffer, BUFFER_INPUT);
    pthread_cond_broadcast(&sim.changed);
    return leave(OK);
}

static void empty_queue(struct buffer_queue *queue) {
    struct buffer *buffer;
    while ((buffer = queue_pop(queue)) != NULL)
        buffer->state = BUFFER_IDLE;
}

/* Buffers that are being filled keep their place: they belong to the engine. */
static void queue_all(struct stream *stream) {
    for (size_t i = 0; i < stream->n_buffers; i++)
        if (stream->buffers[i]->state == BUFFER_IDLE || stream->buffers[i]->state == BUFFER_DELIVERED)
            queue_push(&stream->input, stream->buffers[i], BUFFER_INPUT);
}

static void give_up_input(struct stream *stream) {
    struct buffer *buffer;
    while ((buffer = queue_pop(&stream->input)) != NULL) {
        buffer->is_incomplete = true;
        buffer->filled = 0;
        queue_push(&stream->output, buffer, BUFFER_OUTPUT);
    }
}

API DSFlushQueue(void *handle, int32_t operation) {
    struct stream *stream;
    int32_t error = enter_stream(handle, &stream);
    if (error)
        return error;
    switch (operation) {
    case QUEUE_IN_TO_OUT: give_up_input(stream); break;
    case QUEUE_OUT_DISCARD: empty_queue(&stream->output); break;
    case QUEUE_ALL_TO_IN:
        empty_queue(&stream->output);
        queue_all(stream);
        break;
    case QUEUE_UNQUEUED_TO_IN: queue_all(stream); break;
    case QUEUE_ALL_DISCARD:
        empty_queue(&stream->output);
        empty_queue(&stream->input);
        break;
    default: return leave(fail(ERR_INVALID_PARAMETER, "no such operation"));
    }
    pthread_cond_broadcast(&sim.changed);
    return leave(OK);
}

API DSStartAcquisition(void *handle, int32_t flags, uint64_t count) {
    (void)flags;
    struct stream *stream;
    int32_t error = enter_stream(handle, &stream);
    if (error)
        return error;
    if (!camera_alive(stream->module.camera))
        return leave(fail(ERR_IO, "the camera does not answer"));
    if (stream->is_running)
        return leave(fail(ERR_RESOURCE_IN_USE, "the stream is running"));
    stream->left = count;
    stream->delivered = stream->underruns = stream->started = 0;
    return leave(engine_start(stream));
}

API DSStopAcquisition(void *handle, int32_t flags) {
    (void)flags;
    struct stream *stream;
    int32_t error = enter_stream(handle, &stream);
    if (error)
        return error;
    struct camera *camera = stream->module.camera;
    if (!stream->is_running)
        return leave(OK); /* stopping twice does no harm: consumers stop to be sure */
    engine_stop(stream);
    if (fault_applies(camera, FAULT_STOP_FAILURE))
        return leave(fail(fault_value(camera, FAULT_STOP_FAILURE, ERR_IO), "the stream could not be stopped"));
    return leave(OK);
}

/* Stops, forgets all buffers, makes every handle stale. */
void stream_close(struct stream *stream) {
    engine_stop(stream); /* gives the lock back meanwhile, so another thread may have closed it */
    if (!stream->module.handle)
        return;
    for (size_t i = 0; i < stream->n_buffers; i++)
        free_buffer(stream->buffers[i]);
    stream->n_buffers = 0;
    stream->input = stream->output = (struct buffer_queue){0};
    module_close(&stream->module);
}

API DSClose(void *handle) {
    struct stream *stream;
    int32_t error = enter_stream(handle, &stream);
    if (error)
        return error;
    stream_close(stream);
    return leave(OK);
}
