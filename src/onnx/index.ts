/** Graphs as ONNX models, and ONNX models as graphs. */

export { type DecodeOptions, decodeModel, type ImportedInput, type ImportedModel } from "./decode.ts";
export {
  type EncodedModel,
  type EncodeOptions,
  encodeModel,
  joinChunks,
  type ModelInput,
  type ModelOutput,
} from "./encode.ts";
