/* libjpeg-turbo's decoder as it is used best: whole pictures, and rectangles by crop and skip. */
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

#if !defined(LIBJPEG_TURBO_VERSION_NUMBER) || LIBJPEG_TURBO_VERSION_NUMBER < 3000000
#error "libjpeg-turbo 3 or newer is needed"
#endif

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

struct failure {
  struct jpeg_error_mgr manager;
  jmp_buf back;
};

static void fail(j_common_ptr info) { longjmp(((struct failure *)info->err)->back, 1); }

const char *turbo_version(void) { return TEXT(LIBJPEG_TURBO_VERSION); }

/*
 * Decodes rows of red, green and blue to `out`. A width of 0 means the whole picture; else columns are widened to
 * what the library can do, by one at least, as its upsampling wants, and `*left` and `*stride` (in pixels) say what
 * was decoded. 0 on failure.
 */
int turbo_decode(const unsigned char *data, size_t length, unsigned *left, unsigned top, unsigned width,
                 unsigned height, unsigned *stride, unsigned char *out) {
  struct jpeg_decompress_struct info;
  struct failure failure;

  info.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = fail;
  if (setjmp(failure.back)) {
    jpeg_destroy_decompress(&info);
    return 0;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, data, length);
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  unsigned rows = height;
  if (width == 0) {
    *left = 0;
    *stride = info.output_width;
    rows = info.output_height;
  } else {
    JDIMENSION from = *left > 0 ? *left - 1 : 0;
    JDIMENSION columns = *left + width + 1 - from;
    /* Narrower crops are upsampled by another filter. */
    if (columns < 16) columns = 16;
    if (from + columns > info.output_width) columns = info.output_width - from;
    jpeg_crop_scanline(&info, &from, &columns);
    *left = from;
    *stride = columns;
    if (top > 0) jpeg_skip_scanlines(&info, top);
  }
  for (unsigned row = 0; row < rows; row++) {
    JSAMPROW line = out + (size_t)row * *stride * 3;
    jpeg_read_scanlines(&info, &line, 1);
  }
  if (width == 0)
    jpeg_finish_decompress(&info);
  else
    jpeg_abort_decompress(&info);
  jpeg_destroy_decompress(&info);
  return failure.manager.num_warnings == 0;
}
