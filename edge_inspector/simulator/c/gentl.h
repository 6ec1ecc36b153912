/* What this producer needs of the GenTL 1.6 interface: numbers and packed structures, named as we use them.
 *
 * Every exported function returns one of `enum gentl_error`; handles are opaque values, never addresses.
 */
#ifndef EDGE_INSPECTOR_GENTL_H
#define EDGE_INSPECTOR_GENTL_H

#include <stddef.h>
#include <stdint.h>

#define API __attribute__((visibility("default"))) int32_t

enum gentl_error {
    OK = 0,
    ERR_ERROR = -1001,
    ERR_NOT_INITIALIZED = -1002,
    ERR_NOT_IMPLEMENTED = -1003,
    ERR_RESOURCE_IN_USE = -1004,
    ERR_ACCESS_DENIED = -1005,
    ERR_INVALID_HANDLE = -1006,
    ERR_INVALID_ID = -1007,
    ERR_NO_DATA = -1008,
    ERR_INVALID_PARAMETER = -1009,
    ERR_IO = -1010,
    ERR_TIMEOUT = -1011,
    ERR_ABORT = -1012,
    ERR_NOT_AVAILABLE = -1014,
    ERR_INVALID_ADDRESS = -1015,
    ERR_BUFFER_TOO_SMALL = -1016,
    ERR_INVALID_INDEX = -1017,
    ERR_INVALID_VALUE = -1019,
    ERR_RESOURCE_EXHAUSTED = -1020,
    ERR_OUT_OF_MEMORY = -1021,
    ERR_BUSY = -1022,
};

enum info_type {
    TYPE_STRING = 1,
    TYPE_INT32 = 5,
    TYPE_UINT32 = 6,
    TYPE_UINT64 = 8,
    TYPE_PTR = 10,
    TYPE_BOOL8 = 11,
    TYPE_SIZET = 12,
    TYPE_BUFFER = 13,
};

enum event_type { EVENT_ERROR = 0, EVENT_NEW_BUFFER = 1, EVENT_REMOTE = 4, EVENT_MODULE = 5 };
enum access_flags { ACCESS_FLAG_READONLY = 2, ACCESS_FLAG_CONTROL = 3, ACCESS_FLAG_EXCLUSIVE = 4 };
enum access_status { STATUS_FREE = 1, STATUS_NO_ACCESS = 3, STATUS_BUSY = 4, STATUS_OPEN = 5 };
enum queue_operation {
    QUEUE_IN_TO_OUT = 0,
    QUEUE_OUT_DISCARD = 1,
    QUEUE_ALL_TO_IN = 2,
    QUEUE_UNQUEUED_TO_IN = 3,
    QUEUE_ALL_DISCARD = 4,
};
enum payload_type { PAYLOAD_IMAGE = 1, PAYLOAD_CHUNK = 4 };

#define WAIT_FOR_EVER UINT64_MAX
#define WITHOUT_END UINT64_MAX

#pragma pack(push, 1)
/* What EventGetData gives for a new buffer. */
struct new_buffer_data {
    void *buffer;
    void *user;
};
/* One entry of DSGetBufferChunkData. */
struct chunk_entry {
    uint64_t id;
    ptrdiff_t offset;
    size_t length;
};
/* One entry of GCReadPortStacked and GCWritePortStacked. */
struct port_entry {
    uint64_t address;
    void *data;
    size_t size;
};
#pragma pack(pop)

#endif
