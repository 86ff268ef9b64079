/** The flags of `GPUBufferUsage` and `GPUMapMode`, fixed by the standard. The globals are missing in Node. */
const [MAP_READ, COPY_SRC, COPY_DST, UNIFORM, STORAGE] = [0x1, 0x4, 0x8, 0x40, 0x80] as const;

/** Tensors: kernels bind them, uploads write them, downloads copy them. */
export const TENSOR: number = STORAGE | COPY_SRC | COPY_DST;
/** Parameters of kernels. */
export const PARAMETERS: number = UNIFORM | COPY_DST;
/** Copies of tensors that the host reads. */
export const READBACK: number = MAP_READ | COPY_DST;
/** `GPUMapMode.READ` */
export const READ = 1;

export const isBindable = (buffer: GPUBuffer): boolean => (buffer.usage & STORAGE) !== 0;
export const isCopyable = (buffer: GPUBuffer): boolean => (buffer.usage & COPY_SRC) !== 0;
