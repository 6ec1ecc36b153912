/* Chunk data behind the picture: values alone where the producer lists them, else with the tags of the layout. */
#include <string.h>

#include "sim.h"

#define TAG_BYTES 8
#define VALUE_BYTES 8
#define IMAGE_CHUNK 1u
#define FIRST_CHUNK 0x1001u

/* Room for the picture's own tag and for each chunk with its tag. */
size_t chunk_room(const struct camera *camera) {
    return reg_u32(camera, REG_ChunkModeActive) ? TAG_BYTES + MAX_CHUNKS * (VALUE_BYTES + TAG_BYTES) : 0;
}

/* GigE Vision and USB3 Vision put (id, length) behind each chunk, in their own byte order. */
static void put_tag(struct buffer *buffer, uint32_t id, uint32_t length) {
    uint32_t tag[2] = {id, length};
    if (sim.control->tl_type == 1)
        for (unsigned i = 0; i < 2; i++)
            tag[i] = __builtin_bswap32(tag[i]);
    memcpy(buffer->base + buffer->filled, tag, TAG_BYTES);
    buffer->filled += TAG_BYTES;
}

static void put_chunk(struct buffer *buffer, uint32_t id, const void *value, size_t size) {
    buffer->chunks[buffer->n_chunks++] = (struct chunk_entry){id, (ptrdiff_t)buffer->filled, size};
    memcpy(buffer->base + buffer->filled, value, size);
    buffer->filled += size;
    if (sim.control->tl_type != 0)
        put_tag(buffer, id, (uint32_t)size);
}

static uint64_t counter_value(const struct camera *camera, struct exposure exposure) {
    switch (reg_u32(camera, REG_CounterEventSource)) {
    case 1: return trigger_number(camera, exposure.edges);
    case 2: return camera->frame_starts - camera->counter_base[0];
    case 3: return camera->control->over_triggers - camera->counter_base[0];
    default: return 0;
    }
}

/* Writes the enabled chunks, in the order of ChunkSelector. */
void chunks_write(struct camera *camera, struct buffer *buffer, struct exposure exposure) {
    uint32_t missing = 0;
    if (!reg_u32(camera, REG_ChunkModeActive) || buffer->filled + chunk_room(camera) > buffer->size)
        return;
    if (fault_applies(camera, FAULT_MISSING_CHUNK)) {
        missing = (uint32_t)fault_value(camera, FAULT_MISSING_CHUNK, 0);
        if (missing == 0)
            return;
    }
    uint64_t counter = counter_value(camera, exposure);
    double exposure_us = reg_f64(camera, REG_ExposureTime);
    uint32_t lines = 1; /* the part is at the sensor on Line0 */
    const void *const values[MAX_CHUNKS] = {&buffer->frame_id, &buffer->timestamp_ns, &counter,
                                            &exposure.encoder, &exposure_us,          &lines};
    if (sim.control->tl_type != 0)
        put_tag(buffer, IMAGE_CHUNK, (uint32_t)buffer->image_bytes);
    for (uint32_t i = 0; i < MAX_CHUNKS; i++)
        if (reg_u32(camera, REG_ChunkEnable + 4 * i) && FIRST_CHUNK + i != missing)
            put_chunk(buffer, FIRST_CHUNK + i, values[i], i == MAX_CHUNKS - 1 ? 4 : VALUE_BYTES);
    buffer->has_chunks = true;
}
