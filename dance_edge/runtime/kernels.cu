// What the TensorRT backend does to a frame on the GPU, with the arithmetic that OpenCV has on the CPU.
//
// A frame is H x W x 3 bytes, BGR, rows without padding. Threads share nothing and wait for nobody: no shared memory,
// no barriers, no atomics. So a result does not depend on their order, and a C++ compiler for the CPU can run every
// one of them (tests/runtime/kernels_on_cpu.py). Products of two sides, and a frame's bytes, fit in an int. ASCII only:
// PyCUDA writes this file anew in the encoding of the user's locale.

#define ONE 2048  // OpenCV's weights of bilinear resizing are whole 2048ths

// Two neighbouring rows or columns, and what each counts.
struct Taps {
    int first, second;
    int first_weight, second_weight;
};

__device__ inline int clamped(int index, int count)
{
    return index < 0 ? 0 : index < count ? index : count - 1;
}

// The border of OpenCV's filters: 2 1 | 0 1 2 ... The pixel at the border is not repeated.
__device__ inline int mirrored(int index, int count)
{
    if (index < 0) index = -index;
    if (index >= count) index = 2 * count - 2 - index;
    return clamped(index, count);  // for a side of one pixel
}

__device__ inline struct Taps taps_at(int first, float fraction, int source_count)
{
    struct Taps taps;
    taps.first = clamped(first, source_count);
    taps.second = clamped(first + 1, source_count);
    taps.first_weight = (int)rintf((1.0f - fraction) * ONE);
    taps.second_weight = (int)rintf(fraction * ONE);
    return taps;
}

// INTER_LINEAR: pixel `index` of `count` lies at (index + 1/2) * source_count / count - 1/2. Whole and broken part are
// taken apart in integers, since a GPU of this kind has few units for doubles; their sum is a float, as OpenCV's is.
__device__ inline struct Taps linear_taps(int index, int count, int source_count)
{
    int halves = (2 * index + 1) * source_count - count;  // the place times 2 * count
    int whole = halves / (2 * count);
    float place = (float)whole + (float)(halves - whole * 2 * count) / (float)(2 * count);
    float below = floorf(place);
    return taps_at((int)below, place - below, source_count);
}

// INTER_AREA where an image grows: bilinear, but a source pixel is held until its end comes near. In doubles, as in
// OpenCV, because an index depends on how a product is rounded.
__device__ inline struct Taps growing_taps(int index, int count, int source_count)
{
    double growth = (double)count / source_count;
    int first = (int)floor(index * (1.0 / growth));
    float fraction = (float)((index + 1) - (first + 1) * growth);
    return taps_at(first, fraction <= 0.0f ? 0.0f : fraction - floorf(fraction), source_count);
}

__device__ inline int across(int first, int second, struct Taps columns)
{
    return first * columns.first_weight + second * columns.second_weight;
}

// Of two rows' `across` the gray level between them. Bits are dropped before the sum, as OpenCV's vector code does.
__device__ inline int level_between(int upper, int lower, struct Taps rows)
{
    return (((rows.first_weight * (upper >> 4)) >> 16) + ((rows.second_weight * (lower >> 4)) >> 16) + 2) >> 2;
}

// COLOR_BGR2GRAY: 0.114, 0.587 and 0.299 in 32768ths, rounded.
__device__ inline int gray_of(const unsigned char *pixel)
{
    return (3735 * pixel[0] + 19235 * pixel[1] + 9798 * pixel[2] + 16384) >> 15;
}

// The mean gray of what pixel (column, row) covers. A frame's pixel is `width` wide and `height` high here and what is
// asked for frame_width by frame_height, so that all overlaps are whole numbers.
__device__ inline int averaged_gray(const unsigned char *frame, int frame_height, int frame_width, int height,
                                    int width, int row, int column)
{
    int left = column * frame_width, right = left + frame_width;
    int top = row * frame_height, bottom = top + frame_height;
    unsigned long long total = 0;
    for (int y = top / height; y * height < bottom; ++y) {
        const unsigned char *line = frame + 3 * y * frame_width;
        int sum = 0;
        for (int x = left / width; x * width < right; ++x)
            sum += (min((x + 1) * width, right) - max(x * width, left)) * gray_of(line + 3 * x);
        total += (unsigned long long)(min((y + 1) * height, bottom) - max(y * height, top)) * sum;
    }
    float mean = (float)total / ((float)frame_height * (float)frame_width);
    // of two by two pixels OpenCV rounds a half up, of others to the even number
    bool halved = frame_height == 2 * height && frame_width == 2 * width;
    return (int)(halved ? floorf(mean + 0.5f) : rintf(mean));
}

__device__ inline int grown_gray(const unsigned char *frame, int frame_height, int frame_width, int height, int width,
                                 int row, int column)
{
    struct Taps rows = growing_taps(row, height, frame_height);
    struct Taps columns = growing_taps(column, width, frame_width);
    const unsigned char *upper = frame + 3 * rows.first * frame_width;
    const unsigned char *lower = frame + 3 * rows.second * frame_width;
    return level_between(
        across(gray_of(upper + 3 * columns.first), gray_of(upper + 3 * columns.second), columns),
        across(gray_of(lower + 3 * columns.first), gray_of(lower + 3 * columns.second), columns), rows);
}

extern "C" {

// frame -> planes (3, height, width) float32: INTER_LINEAR, then level / scale - shift of the plane. A thread a pixel.
// Plane 0 is the frame's channel 0 (blue), or with `rgb` its channel 2.
__global__ void resize_normalize(const unsigned char *frame, int frame_height, int frame_width, float *planes,
                                 int height, int width, float scale_0, float scale_1, float scale_2, float shift_0,
                                 float shift_1, float shift_2, int rgb)
{
    int column = blockIdx.x * blockDim.x + threadIdx.x;
    int row = blockIdx.y * blockDim.y + threadIdx.y;
    if (column >= width || row >= height) return;
    struct Taps rows = linear_taps(row, height, frame_height);
    struct Taps columns = linear_taps(column, width, frame_width);
    const unsigned char *upper = frame + 3 * rows.first * frame_width;
    const unsigned char *lower = frame + 3 * rows.second * frame_width;
    int first = 3 * columns.first, second = 3 * columns.second;
    float level[3];
    for (int channel = 0; channel < 3; ++channel)
        level[channel] = (float)level_between(across(upper[first + channel], upper[second + channel], columns),
                                              across(lower[first + channel], lower[second + channel], columns), rows);
    float *out = planes + row * width + column;
    out[0] = (rgb ? level[2] : level[0]) / scale_0 - shift_0;
    out[height * width] = level[1] / scale_1 - shift_1;
    out[2 * height * width] = (rgb ? level[0] : level[2]) / scale_2 - shift_2;
}

// frame -> gray (height, width) bytes: BGR2GRAY, rounded, then INTER_AREA. A thread a pixel.
__global__ void gray_area(const unsigned char *frame, int frame_height, int frame_width, unsigned char *gray,
                          int height, int width)
{
    int column = blockIdx.x * blockDim.x + threadIdx.x;
    int row = blockIdx.y * blockDim.y + threadIdx.y;
    if (column >= width || row >= height) return;
    bool shrinks = height <= frame_height && width <= frame_width;  // where one side grows, OpenCV interpolates both
    gray[row * width + column] = (unsigned char)(
        shrinks ? averaged_gray(frame, frame_height, frame_width, height, width, row, column)
                : grown_gray(frame, frame_height, frame_width, height, width, row, column));
}

// gray (height, width) -> partials (2, chunks, width) float32, in gray levels: of each column and each chunk of
// `chunk_rows` rows the sum of the Sobel magnitudes, and that of the levels. A thread a column and chunk (the block's
// y); neighbouring threads read neighbouring bytes. Slopes are integers and their squares below 2^24, so a magnitude
// is rounded once, by the root.
__global__ void sobel_columns(const unsigned char *gray, int height, int width, float *partials, int chunk_rows)
{
    int column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= width) return;
    int left = mirrored(column - 1, width), right = mirrored(column + 1, width);
    int top = blockIdx.y * chunk_rows, bottom = min(top + chunk_rows, height);
    // of a row: the slope across, and the mean down weighted 1 2 1
    const unsigned char *line = gray + mirrored(top - 1, height) * width;
    int slope_above = line[right] - line[left], mean_above = line[left] + 2 * line[column] + line[right];
    line = gray + top * width;
    int slope = line[right] - line[left], mean = line[left] + 2 * line[column] + line[right];
    float magnitudes = 0.0f, levels = 0.0f;
    for (int row = top; row < bottom; ++row) {
        levels += line[column];
        line = gray + mirrored(row + 1, height) * width;
        int slope_below = line[right] - line[left], mean_below = line[left] + 2 * line[column] + line[right];
        int horizontal = slope_above + 2 * slope + slope_below, vertical = mean_below - mean_above;
        magnitudes += sqrtf((float)(horizontal * horizontal + vertical * vertical));
        slope_above = slope, mean_above = mean;
        slope = slope_below, mean = mean_below;
    }
    partials[blockIdx.y * width + column] = magnitudes;
    partials[(gridDim.y + blockIdx.y) * width + column] = levels;
}

}
