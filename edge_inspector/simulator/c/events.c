/* Events: registering, waiting, killing. New buffers come from the stream's output queue, others from a small ring. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"


static void drop_event(struct module *module, unsigned type) {
    struct event *event = module->events[type];
    if (!event)
        return;
    module->events[type] = NULL;
    handle_drop(event->handle); /* who waits for it looks its handle up again, and finds it stale */
    free(event);
    pthread_cond_broadcast(&sim.changed);
}

void events_drop(struct module *module) {
    for (unsigned type = 0; type < MAX_EVENTS_PER_MODULE; type++)
        drop_event(module, type);
}

void event_fire(struct module *module, enum event_type type, struct event_message message) {
    struct event *event = module->events[type];
    if (!event)
        return;
    event->fired++;
    if (event->count < EVENT_QUEUE) { /* full: the newest is lost, as on a real camera's message channel */
        unsigned at = (event->first + event->count++) % EVENT_QUEUE;
        event->queue[at] = message;
    }
    pthread_cond_broadcast(&sim.changed);
}

static bool has_event(const struct module *module, int32_t type) {
    if (type == EVENT_NEW_BUFFER)
        return module->kind == KIND_STREAM;
    if (type == EVENT_REMOTE)
        return module->kind == KIND_DEVICE;
    return type == EVENT_MODULE || type == EVENT_ERROR;
}

API GCRegisterEvent(void *handle, int32_t type, void **registered) {
    int32_t error = enter();
    if (error)
        return error;
    struct module *module = handle_module(handle);
    if (!module)
        return leave(fail(ERR_INVALID_HANDLE, "not an open module"));
    if (!registered)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the handle"));
    if (type < 0 || type >= MAX_EVENTS_PER_MODULE || !has_event(module, type))
        return leave(fail(ERR_NOT_IMPLEMENTED, "the module has no such event"));
    if (module->events[type])
        return leave(fail(ERR_RESOURCE_IN_USE, "the event is registered"));
    struct event *event = calloc(1, sizeof *event);
    void *event_handle = event ? handle_new(KIND_EVENT, event) : NULL;
    if (!event_handle) {
        free(event);
        return leave(fail(ERR_RESOURCE_EXHAUSTED, "out of handles"));
    }
    event->handle = event_handle;
    event->type = type;
    event->owner = module;
    module->events[type] = event;
    *registered = event_handle;
    return leave(OK);
}

API GCUnregisterEvent(void *handle, int32_t type) {
    int32_t error = enter();
    if (error)
        return error;
    struct module *module = handle_module(handle);
    if (!module)
        return leave(fail(ERR_INVALID_HANDLE, "not an open module"));
    if (type < 0 || type >= MAX_EVENTS_PER_MODULE || !module->events[type])
        return leave(fail(ERR_INVALID_PARAMETER, "the event is not registered"));
    drop_event(module, (unsigned)type);
    return leave(OK);
}

static struct stream *stream_of(const struct event *event) {
    return event->type == EVENT_NEW_BUFFER ? &event->owner->camera->stream : NULL;
}

static size_t event_bytes(const struct event *event) {
    return stream_of(event) ? sizeof(struct new_buffer_data) : sizeof(struct event_message);
}

static size_t waiting(const struct event *event) {
    struct stream *stream = stream_of(event);
    return stream ? stream->output.count : event->count;
}

/* Takes the oldest; there is one. */
static void take(struct event *event, void *data) {
    struct stream *stream = stream_of(event);
    if (!stream) {
        memcpy(data, &event->queue[event->first], sizeof event->queue[0]);
        event->first = (event->first + 1) % EVENT_QUEUE;
        event->count--;
        return;
    }
    struct buffer *buffer = queue_pop(&stream->output);
    buffer->state = BUFFER_DELIVERED;
    struct new_buffer_data answer = {buffer->handle, buffer->user};
    memcpy(data, &answer, sizeof answer);
}

static int64_t deadline_ns(uint64_t timeout_ms) {
    uint64_t longest_ms = (uint64_t)INT64_MAX / 2000000; /* centuries: as good as for ever, and it fits */
    return timeout_ms > longest_ms ? INT64_MAX : now_ns() + (int64_t)timeout_ms * 1000000;
}

API EventGetData(void *handle, void *data, size_t *size, uint64_t timeout_ms) {
    int32_t error = enter();
    if (error)
        return error;
    int64_t until_ns = deadline_ns(timeout_ms);
    struct event *event;
    while ((event = handle_get(handle, KIND_EVENT)) != NULL) {
        if (!data || !size)
            return leave(fail(ERR_INVALID_PARAMETER, "no place for the data"));
        if (*size < event_bytes(event))
            return leave(fail(ERR_BUFFER_TOO_SMALL, "an event has more bytes"));
        if (event->is_killed) {
            event->is_killed = false;
            return leave(fail(ERR_ABORT, "the wait was killed"));
        }
        if (waiting(event) > 0) {
            take(event, data);
            *size = event_bytes(event);
            return leave(OK);
        }
        if (now_ns() >= until_ns)
            return leave(fail(ERR_TIMEOUT, "nothing came in time"));
        wait_changed(until_ns);
    }
    return leave(fail(ERR_INVALID_HANDLE, "not a registered event"));
}

API EventGetDataInfo(void *handle, const void *in, size_t in_size, int32_t command, int32_t *type, void *data,
                     size_t *size) {
    int32_t error = enter();
    if (error)
        return error;
    struct event *event = handle_get(handle, KIND_EVENT);
    if (!event)
        return leave(fail(ERR_INVALID_HANDLE, "not a registered event"));
    if (!in || in_size < event_bytes(event))
        return leave(fail(ERR_INVALID_PARAMETER, "not the data of an event"));
    struct answer answer = {type, data, size};
    uint64_t words[3]; /* of an event that is no new buffer: its id; then what lies at its port: trigger, time */
    memcpy(words, in, event_bytes(event));
    if (event->type == EVENT_NEW_BUFFER)
        return leave(command == 0 || command == 1 ? answer_pointer(answer, (void *)(uintptr_t)words[command])
                                                  : fail(ERR_NOT_IMPLEMENTED, "no such event data"));
    char text[24];
    snprintf(text, sizeof text, "%llX", (unsigned long long)words[0]);
    switch (command) {
    case 0: return leave(answer_text(answer, text));
    case 1: return leave(answer_bytes(answer, TYPE_BUFFER, &words[1], 2 * sizeof words[1]));
    case 2: return leave(answer_u64(answer, words[0]));
    default: return leave(fail(ERR_NOT_IMPLEMENTED, "no such event data"));
    }
}

API EventGetInfo(void *handle, int32_t command, int32_t *type, void *data, size_t *size) {
    int32_t error = enter();
    if (error)
        return error;
    struct event *event = handle_get(handle, KIND_EVENT);
    if (!event)
        return leave(fail(ERR_INVALID_HANDLE, "not a registered event"));
    struct answer answer = {type, data, size};
    switch (command) {
    case 0: return leave(answer_int(answer, event->type));
    case 1: return leave(answer_size(answer, waiting(event)));
    case 2: return leave(answer_u64(answer, event->fired));
    case 3:
    case 4: return leave(answer_size(answer, event_bytes(event)));
    default: return leave(fail(ERR_NOT_IMPLEMENTED, "no such event info"));
    }
}

API EventFlush(void *handle) {
    int32_t error = enter();
    if (error)
        return error;
    struct event *event = handle_get(handle, KIND_EVENT);
    if (!event)
        return leave(fail(ERR_INVALID_HANDLE, "not a registered event"));
    struct stream *stream = stream_of(event);
    struct buffer *buffer;
    while (stream && (buffer = queue_pop(&stream->output)) != NULL)
        buffer->state = BUFFER_DELIVERED;
    event->count = 0;
    return leave(OK);
}

API EventKill(void *handle) {
    int32_t error = enter();
    if (error)
        return error;
    struct event *event = handle_get(handle, KIND_EVENT);
    if (!event)
        return leave(fail(ERR_INVALID_HANDLE, "not a registered event"));
    event->is_killed = true;
    pthread_cond_broadcast(&sim.changed);
    return leave(OK);
}
