/* What GenTL 1.6 adds for composite buffers, flows and segments: not here, but every symbol must be there. */
#include "sim.h"

/* A wrong handle is said first, as everywhere. */
static int32_t refuse(void *stream) {
    int32_t error = enter();
    if (error)
        return error;
    if (!handle_get(stream, KIND_STREAM))
        return leave(fail(ERR_INVALID_HANDLE, "not an open stream"));
    return leave(fail(ERR_NOT_IMPLEMENTED, "not implemented"));
}

API DSAnnounceCompositeBuffer(void *stream, size_t count, void **segments, void *user, void **buffer) {
    (void)count, (void)segments, (void)user, (void)buffer;
    return refuse(stream);
}

API DSGetBufferInfoStacked(void *stream, void *buffer, void *entries, size_t count) {
    (void)buffer, (void)entries, (void)count;
    return refuse(stream);
}

API DSGetBufferPartInfoStacked(void *stream, void *buffer, uint32_t part, void *entries, size_t count) {
    (void)buffer, (void)part, (void)entries, (void)count;
    return refuse(stream);
}

API DSGetNumFlows(void *stream, uint32_t *count) {
    (void)count;
    return refuse(stream);
}

API DSGetFlowInfo(void *stream, uint32_t flow, int32_t command, int32_t *type, void *data, size_t *size) {
    (void)flow, (void)command, (void)type, (void)data, (void)size;
    return refuse(stream);
}

API DSGetNumBufferSegments(void *stream, void *buffer, uint32_t *count) {
    (void)buffer, (void)count;
    return refuse(stream);
}

API DSGetBufferSegmentInfo(void *stream, void *buffer, uint32_t segment, int32_t command, int32_t *type, void *data,
                           size_t *size) {
    (void)buffer, (void)segment, (void)command, (void)type, (void)data, (void)size;
    return refuse(stream);
}

/* No multi-part payloads: a buffer has no parts. */
API DSGetNumBufferParts(void *stream, void *buffer, uint32_t *count) {
    (void)buffer, (void)count;
    int32_t error = refuse(stream);
    return error == ERR_NOT_IMPLEMENTED ? fail(ERR_NO_DATA, "not a multi-part buffer") : error;
}

API DSGetBufferPartInfo(void *stream, void *buffer, uint32_t part, int32_t command, int32_t *type, void *data,
                        size_t *size) {
    (void)buffer, (void)part, (void)command, (void)type, (void)data, (void)size;
    int32_t error = refuse(stream);
    return error == ERR_NOT_IMPLEMENTED ? fail(ERR_NO_DATA, "not a multi-part buffer") : error;
}
