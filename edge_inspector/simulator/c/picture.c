/* Drawing: a pattern from which a consumer can tell frame and part, or pictures of a file. Formulas: the reference */
#include <string.h>

#include "sim.h"

#define STAMP_BYTES 16
#define PADDING_VALUE 0xEE /* what follows a row is no pixel and looks like none of the pattern's neighbours */

/* Bits of a sample that is not one byte; 8 for all formats that are drawn byte by byte. */
static unsigned sample_bits(uint32_t pixel_format) {
    switch (pixel_format) {
    case PIXEL_Mono10:
    case PIXEL_Mono10p: return 10;
    case PIXEL_Mono12:
    case PIXEL_Mono12p: return 12;
    case PIXEL_Mono14: return 14;
    case PIXEL_Mono16: return 16;
    default: return 8;
    }
}

static bool is_packed(uint32_t pixel_format) {
    return pixel_format == PIXEL_Mono10p || pixel_format == PIXEL_Mono12p;
}

/* Part number (4 bytes), frame id (8), camera (4), all big endian. */
static void make_stamp(const struct drawing *drawing, unsigned char stamp[STAMP_BYTES]) {
    for (unsigned i = 0; i < 4; i++)
        stamp[i] = (unsigned char)(drawing->trigger >> (24 - 8 * i));
    for (unsigned i = 0; i < 8; i++)
        stamp[4 + i] = (unsigned char)(drawing->frame_id >> (56 - 8 * i));
    for (unsigned i = 0; i < 4; i++)
        stamp[12 + i] = (unsigned char)(drawing->camera >> (24 - 8 * i));
}

static void draw_bytes(unsigned char *out, size_t n_bytes, uint64_t first) {
    unsigned char value = (unsigned char)first;
    for (size_t x = 0; x < n_bytes; x++)
        out[x] = (unsigned char)(value + x);
}

static void draw_words(unsigned char *out, size_t width, uint64_t first, unsigned bits) {
    uint32_t mask = (1u << bits) - 1;
    for (size_t x = 0; x < width; x++) {
        uint32_t sample = (uint32_t)(first + x) & mask;
        out[2 * x] = (unsigned char)sample;
        out[2 * x + 1] = (unsigned char)(sample >> 8);
    }
}

/* The stamp stands in the upper eight bits of a sample, so that it survives the way to 8 bit. */
static uint32_t sample_at(size_t x, uint64_t first, unsigned bits, const unsigned char *stamp) {
    if (stamp && x < STAMP_BYTES)
        return (uint32_t)stamp[x] << (bits - 8);
    return (uint32_t)(first + x) & ((1u << bits) - 1);
}

/* PFNC "p": samples one after the other, lowest bit first. */
static void draw_packed(unsigned char *out, size_t n_bytes, uint64_t first, unsigned bits, const unsigned char *stamp) {
    uint64_t pending = 0;
    unsigned n_pending = 0;
    size_t x = 0;
    for (size_t at = 0; at < n_bytes; at++) {
        if (n_pending < 8) {
            pending |= (uint64_t)sample_at(x++, first, bits, stamp) << n_pending;
            n_pending += bits;
        }
        out[at] = (unsigned char)pending;
        pending >>= 8;
        n_pending -= 8;
    }
}

static void draw_row(const struct drawing *drawing, unsigned char *out, size_t y, const unsigned char *stamp) {
    unsigned bits = sample_bits(drawing->pixel_format);
    uint64_t first = y + drawing->frame_id;
    const unsigned char *row_stamp = y == 0 ? stamp : NULL;
    if (is_packed(drawing->pixel_format)) {
        draw_packed(out, drawing->row_bytes, first, bits, row_stamp);
    } else if (bits == 8) {
        draw_bytes(out, drawing->row_bytes, first);
        if (row_stamp)
            memcpy(out, row_stamp, drawing->row_bytes < STAMP_BYTES ? drawing->row_bytes : STAMP_BYTES);
    } else {
        draw_words(out, drawing->width, first, bits);
        for (size_t x = 0; row_stamp && x < STAMP_BYTES && x < drawing->width; x++) {
            uint32_t sample = sample_at(x, first, bits, row_stamp);
            out[2 * x] = (unsigned char)sample;
            out[2 * x + 1] = (unsigned char)(sample >> 8);
        }
    }
}

/* The picture of a part: the file's frames in turn, by part number, so that all cameras and restarts agree. */
static const unsigned char *picture_of(const struct drawing *drawing) {
    size_t count = drawing->frame_bytes ? drawing->picture_bytes / drawing->frame_bytes : 0;
    if (!drawing->pictures || count == 0)
        return NULL;
    return drawing->pictures + (drawing->trigger - 1) % count * drawing->frame_bytes;
}

void picture_draw(const struct drawing *drawing) {
    unsigned char stamp[STAMP_BYTES];
    const unsigned char *picture = picture_of(drawing);
    size_t step = drawing->row_bytes + drawing->padding;
    make_stamp(drawing, stamp);
    for (size_t y = 0; y < drawing->rows && (y + 1) * step <= drawing->out_bytes; y++) {
        unsigned char *out = drawing->out + y * step;
        if (picture)
            memcpy(out, picture + y * drawing->row_bytes, drawing->row_bytes);
        else
            draw_row(drawing, out, y, drawing->stamped ? stamp : NULL);
        memset(out + drawing->row_bytes, PADDING_VALUE, drawing->padding);
    }
}
