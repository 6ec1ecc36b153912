/* A frame from exposure to output queue, with everything that can happen to it on the way. */
#include <string.h>

#include "sim.h"

#define VENDOR_FORMAT 0x81080001 /* bit 31: a vendor's own */
#define PADDING_BYTES 8

size_t row_bytes(const struct camera *camera) {
    size_t bits = reg_u32(camera, REG_PixelFormat) >> 16 & 0xFF; /* where PFNC keeps the bits per pixel */
    return (reg_u32(camera, REG_Width) * bits + 7) / 8;
}

/* Bytes after each row that buffers must have room for; set the fault's value before arming. */
static size_t padding_room(const struct camera *camera) {
    int32_t value = camera->control->faults[FAULT_PADDED].value;
    bool is_set = value > 0 || fault_holds(camera, FAULT_PADDED);
    return is_set ? (size_t)fault_value(camera, FAULT_PADDED, PADDING_BYTES) : 0;
}

size_t payload_bytes(const struct camera *camera) {
    return (row_bytes(camera) + padding_room(camera)) * reg_u32(camera, REG_Height) + chunk_room(camera);
}

static uint64_t next_frame_id(struct camera *camera) {
    const struct camera_control *control = camera->control;
    bool is_wrapped = control->frame_id_bits == 16 && camera->frame_id >= 65535;
    if (camera->taken == 0)
        camera->frame_id = control->first_frame_id;
    else if (!fault_applies(camera, FAULT_DUPLICATE_ID))
        camera->frame_id = is_wrapped ? 1 : camera->frame_id + 1; /* GigE Vision 1.x leaves zero out */
    return camera->frame_id;
}

/* Sets what the buffer says of its frame, and applies what changes its shape. */
static void describe(struct camera *camera, struct buffer *buffer, uint64_t frame_id, struct exposure exposure) {
    size_t rows = reg_u32(camera, REG_Height), row = row_bytes(camera);
    buffer->frame_id = frame_id;
    buffer->timestamp_ns = camera_ns(camera, exposure.when_ns);
    buffer->pixel_format = reg_u32(camera, REG_PixelFormat);
    buffer->width = reg_u32(camera, REG_Width);
    buffer->offset_x = reg_u32(camera, REG_OffsetX);
    size_t padding = (size_t)fault_value(camera, FAULT_PADDED, PADDING_BYTES);
    buffer->padding_x = fault_applies(camera, FAULT_PADDED) ? padding : 0;
    buffer->is_new = true;
    buffer->is_incomplete = buffer->is_larger = buffer->has_chunks = false;
    buffer->larger_bytes = 0;
    buffer->n_chunks = 0;
    if (fault_applies(camera, FAULT_WRONG_SIZE))
        rows = rows > 1 ? rows / 2 : rows;
    buffer->height = buffer->delivered_height = rows;
    if (fault_applies(camera, FAULT_TRUNCATED))
        buffer->delivered_height = rows / 2;
    if (fault_applies(camera, FAULT_INCOMPLETE)) {
        buffer->is_incomplete = true;
        buffer->delivered_height = rows * 3 / 4;
    }
    if (fault_applies(camera, FAULT_UNKNOWN_FORMAT))
        buffer->pixel_format = (uint32_t)fault_value(camera, FAULT_UNKNOWN_FORMAT, (int32_t)VENDOR_FORMAT);
    size_t step = row + buffer->padding_x;
    if (step * buffer->delivered_height > buffer->size || fault_applies(camera, FAULT_LARGER)) {
        buffer->is_larger = true;
        buffer->larger_bytes = step * rows > buffer->size ? step * rows : buffer->size + 1;
        if (step * buffer->delivered_height > buffer->size)
            buffer->delivered_height = step ? buffer->size / step : 0;
    }
    buffer->image_bytes = buffer->filled = step * buffer->delivered_height;
}

static struct drawing drawing_of(const struct camera *camera, const struct buffer *buffer, struct exposure exposure) {
    return (struct drawing){
        .out = buffer->base,
        .out_bytes = buffer->size,
        .width = buffer->width,
        .rows = buffer->delivered_height,
        .row_bytes = row_bytes(camera),
        .padding = buffer->padding_x,
        .pixel_format = reg_u32(camera, REG_PixelFormat),
        .frame_id = buffer->frame_id,
        .trigger = exposure.trigger,
        .camera = camera->index,
        .stamped = camera->control->stamped,
        .pictures = camera->pictures,
        .picture_bytes = camera->picture_bytes,
        .frame_bytes = row_bytes(camera) * reg_u32(camera, REG_Height),
    };
}

/* Returns a free buffer; NULL when there is none, and the frame is lost. */
static struct buffer *find_buffer(struct camera *camera) {
    struct stream *stream = &camera->stream;
    while (stream->input.count == 0 && camera->control->patient && is_taking(camera))
        wait_changed(now_ns() + 100000000);
    struct buffer *buffer = queue_pop(&stream->input);
    if (buffer) {
        buffer->state = BUFFER_FILLING;
        return buffer;
    }
    stream->underruns++;
    camera->control->underruns++;
    return NULL;
}

static void deliver(struct camera *camera, struct buffer *buffer) {
    struct stream *stream = &camera->stream;
    queue_push(&stream->output, buffer, BUFFER_OUTPUT);
    stream->delivered++;
    camera->control->delivered++;
    if (stream->left != WITHOUT_END)
        stream->left--;
    struct event *event = stream->module.events[EVENT_NEW_BUFFER];
    if (event)
        event->fired++;
    pthread_cond_broadcast(&sim.changed);
}

/* Delivers the same frame a second time, in another buffer. */
static void repeat(struct camera *camera, const struct buffer *buffer) {
    struct buffer *copy = find_buffer(camera);
    if (!copy)
        return;
    struct buffer kept = *copy;
    *copy = *buffer;
    copy->handle = kept.handle;
    copy->base = kept.base;
    copy->size = kept.size;
    copy->user = kept.user;
    copy->is_own = kept.is_own;
    copy->filled = buffer->filled < kept.size ? buffer->filled : kept.size;
    memcpy(copy->base, buffer->base, copy->filled);
    deliver(camera, copy);
}

/* Delivers, in order unless a fault says otherwise. */
static void hand_over(struct camera *camera, struct buffer *buffer) {
    struct stream *stream = &camera->stream;
    if (!stream->held && fault_applies(camera, FAULT_OUT_OF_ORDER)) {
        stream->held = buffer;
        return;
    }
    deliver(camera, buffer);
    if (fault_applies(camera, FAULT_REPEATED))
        repeat(camera, buffer);
    if (stream->held)
        deliver(camera, stream->held);
    stream->held = NULL;
}

static void count(struct camera *camera, struct exposure exposure) {
    camera->taken++;
    camera->frame_starts++;
    camera->stream.started++;
    camera->control->exposed++;
    camera->control->last_trigger = exposure.trigger;
    if (camera->frames_left != WITHOUT_END)
        camera->frames_left--;
    if (reg_u32(camera, REG_EventNotification) == 1)
        event_fire(&camera->device, EVENT_REMOTE,
                   (struct event_message){0x9001, exposure.trigger, camera_ns(camera, exposure.when_ns)});
}

/* Takes one frame. Gives the lock back while the picture is drawn; the buffer's state keeps it from being revoked. */
void frame_take(struct camera *camera, struct exposure exposure) {
    uint64_t frame_id = next_frame_id(camera);
    count(camera, exposure);
    if (fault_applies(camera, FAULT_DROP))
        return;
    struct buffer *buffer = find_buffer(camera);
    if (!buffer)
        return;
    describe(camera, buffer, frame_id, exposure);
    struct drawing drawing = drawing_of(camera, buffer, exposure);
    pthread_mutex_unlock(&sim.lock);
    picture_draw(&drawing);
    pthread_mutex_lock(&sim.lock);
    if (!buffer->is_incomplete)
        chunks_write(camera, buffer, exposure);
    hand_over(camera, buffer);
}
