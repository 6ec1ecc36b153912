/* The control file: how tests and rehearsals steer the producer while it runs, in whichever process it runs.
 *
 * One writer (the Python side, controls.py) maps it and writes; every process with the producer maps it too. Fields
 * are naturally aligned little-endian numbers, each written at once, so none is seen half written; the conveyor's
 * segments, which belong together, stand behind a sequence number. layout.py declares the same structures, and the
 * build compares every offset, so the two cannot drift apart.
 *
 * Times are CLOCK_MONOTONIC nanoseconds, the same in every process of a machine.
 */
#ifndef EDGE_INSPECTOR_CONTROL_H
#define EDGE_INSPECTOR_CONTROL_H

#include <stdint.h>

#define CONTROL_MAGIC 0x4D495345u /* "ESIM" as bytes */
#define CONTROL_VERSION 2u
#define MAX_CAMERAS 4
#define MAX_SEGMENTS 32
#define PATH_BYTES 512

/* Order is part of the file: faults.py has the same list. What each does stands in docs/reference/simulator.md. */
enum fault {
    FAULT_DROP,            /* frame id used up, no buffer */
    FAULT_INCOMPLETE,      /* flagged, its last quarter missing */
    FAULT_TRUNCATED,       /* half of it missing, not flagged */
    FAULT_PADDED,          /* `value` bytes after each row */
    FAULT_WRONG_SIZE,      /* half as high as configured */
    FAULT_LARGER,          /* flagged as larger than its buffer */
    FAULT_DUPLICATE_ID,    /* a new picture under the frame id before */
    FAULT_REPEATED,        /* the same frame delivered twice */
    FAULT_OUT_OF_ORDER,    /* delivered after the frame that follows it */
    FAULT_MISSED_TRIGGER,  /* edge counted, no frame and no frame id */
    FAULT_EXTRA_FRAME,     /* a frame without an edge follows */
    FAULT_MISSING_CHUNK,   /* chunk id `value`, or all when 0 */
    FAULT_UNKNOWN_FORMAT,  /* the buffer says pixel format `value` */
    FAULT_STALL,           /* level: no frames */
    FAULT_PORT_ERROR,      /* register accesses fail with error `value` */
    FAULT_LOST,            /* level: not reachable */
    FAULT_SLOW_CONTROL,    /* each register access takes `value` ms */
    FAULT_HUNG_CONTROL,    /* level: register accesses do not return */
    FAULT_START_FAILURE,   /* AcquisitionStart fails */
    FAULT_STOP_FAILURE,    /* DSStopAcquisition fails */
    FAULT_OVER_TRIGGER,    /* edge counted and told as over-trigger, no frame and no frame id */
    FAULT_BROKEN_XML,      /* level: the camera's description is broken as enum broken_xml `value` says */
    FAULT_BROKEN_MODULES,  /* level: so are those of system and interface (of camera 0 both), device and stream */
    FAULT_NO_XML,          /* level: the camera has no description */
    FAULT_COUNT
};

enum broken_xml {
    XML_CUT_OFF,    /* its second half is missing */
    XML_TEXT,       /* no XML */
    XML_OTHER,      /* XML, and no description */
    XML_EMPTY,      /* no byte */
    XML_ELSEWHERE,  /* on a server of the maker */
    XML_UNRESOLVED, /* a feature names a register that there is not */
};

/* One fault of one camera. Off when `next` and `every` are both zero. */
struct fault_state {
    uint32_t next;  /* applies to so many of the next chances; counts down */
    uint32_t every; /* applies to each so-manieth chance; 1: always */
    uint32_t seen;  /* chances since it was switched; written by the producer */
    int32_t value;  /* parameter, see enum fault */
    uint64_t fired; /* how often it was applied; written by the producer */
};

/* A stretch of time with one speed. */
struct segment {
    int64_t start_ns;
    double start_mm;      /* position at start_ns */
    double speed_mm_s;    /* negative: backwards */
    uint64_t start_edges; /* part sensor edges before start_ns */
};

/* The conveyor: a pure function of time, so that every process sees the same parts without talking. */
struct conveyor {
    uint32_t sequence; /* odd while the segments are being written */
    uint32_t n_segments;
    double spacing_mm;     /* between two parts; 0: no parts */
    double counts_per_mm;  /* of the encoder */
    uint64_t stepped_edges; /* fired one by one, on top of those that time brings */
    int64_t stepped_ns;     /* when the last one was fired */
    double stepped_mm;      /* moved by hand, on top of what time brings */
    struct segment segments[MAX_SEGMENTS];
};

struct camera_control {
    /* Configuration: read when the camera is powered (the process starts, it comes back, DeviceReset). */
    char serial[32];
    char user_id[32];
    uint32_t width, height;
    uint32_t pixel_format;
    uint32_t conveyor;      /* index of the conveyor it looks at; cameras that share one see the same parts */
    double frame_rate_hz, line_rate_hz, exposure_us;
    uint32_t line_scan;     /* DeviceScanType */
    uint32_t stamped;       /* part and frame number in the first 16 bytes */
    uint32_t patient;       /* free run at the pace of the buffers; a frame waits for a buffer */
    uint32_t frame_id_bits; /* 16: 65535 is followed by 1 */
    uint64_t first_frame_id;
    uint64_t encoder_modulus; /* 0: counts in 64 bit, with sign */
    char pictures[PATH_BYTES]; /* file of raw frames; empty: the pattern */

    /* State that outlives a process, as a powered camera keeps it. */
    uint32_t linger_ms;      /* heartbeat timeout: access stays denied so long after its holder died */
    uint32_t losses;         /* raised with each loss; handles from before it stay dead */
    int64_t absent_until_ns; /* not reachable before */
    int64_t clock_offset_ns; /* camera clock less CLOCK_MONOTONIC, at clock_epoch_ns */
    double clock_drift_ppm;
    int64_t clock_epoch_ns;
    int64_t encoder_offset; /* counts = encoder_sign * raw counts + encoder_offset */
    int32_t encoder_sign;
    int32_t temperature_mc;      /* thousandths of a degree */
    uint64_t edges_at_reset;     /* of the trigger counter */

    /* Who has it. */
    uint32_t holder_pid;     /* 0: nobody, or let go properly */
    uint32_t is_acquiring;   /* between AcquisitionStart and AcquisitionStop */
    int64_t heard_ns;        /* last heartbeat of the holder */

    /* Ground truth, written by the producer. */
    uint64_t edges;         /* part sensor edges dealt with while it was acquiring */
    uint64_t exposed;       /* frames taken */
    uint64_t delivered;     /* buffers put into the output queue */
    uint64_t over_triggers; /* edges that came while it was busy */
    uint64_t missed;        /* edges swallowed by FAULT_MISSED_TRIGGER */
    uint64_t extra;         /* frames without an edge */
    uint64_t underruns;     /* frames that found no buffer */
    uint64_t last_trigger;  /* trigger number of the last exposed frame */
    uint64_t opened;        /* how often it was opened */
    uint64_t rests;         /* how often the running stream looked and found nothing to do */

    struct fault_state faults[FAULT_COUNT];
};

struct control {
    uint32_t magic, version, bytes; /* bytes: size of this structure */
    uint32_t n_cameras;
    uint32_t tl_type;   /* 0 Custom, 1 GEV, 2 U3V */
    uint32_t old_names; /* ExposureTimeAbs and its like */
    struct conveyor conveyors[MAX_CAMERAS];
    struct camera_control cameras[MAX_CAMERAS];
};

#endif
