import { expect, test } from "vitest";
import { engineError } from "../../src/runtime/ort-session.ts";

test.each([
  [
    "a condition",
    "/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter:\n No supported adapters",
    "Failed to get a WebGPU adapter: No supported adapters",
  ],
  [
    "a condition of a node",
    "Non-zero status code returned while running Mod node. Name:'head/Mod' Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/math/element_wise_ops.cc:2288 void onnxruntime::mod_internal::CallModImpl<onnxruntime::MLFloat16>::operator()(bool) const fmod was false. fmod attribute must be true",
    "Non-zero status code returned while running Mod node. Name:'head/Mod' Status Message: fmod attribute must be true",
  ],
  ["nothing of the kind", "indices element out of data bounds, idx=9", "indices element out of data bounds, idx=9"],
])("of the engine's message the place in its own source is left out: %s", (_, message, evidence) => {
  const cause = new Error(message);
  expect(engineError("run", cause).fields).toMatchObject({ evidence, cause });
});
