/** Activations by the names that configurations use. */

import { VitrineError } from "../errors.ts";
import { gelu, hardSwish, quickGelu, relu, silu, type Tensor, tanh } from "../tensor/index.ts";

/** What stands between the two linear maps of an MLP. */
export type Activation = "gelu" | "gelu_tanh" | "quick_gelu" | "silu" | "relu" | "hard_swish" | "tanh";

const functions: Readonly<Record<Activation, (x: Tensor) => Tensor>> = {
  gelu: (x) => gelu(x),
  gelu_tanh: (x) => gelu(x, "tanh"),
  quick_gelu: quickGelu,
  silu,
  relu,
  hard_swish: hardSwish,
  tanh,
};

/** Other names for the same functions: timm's, PyTorch's and Hugging Face's. */
const aliases: Readonly<Record<string, Activation>> = {
  "nn.GELU": "gelu",
  gelu_pytorch_tanh: "gelu_tanh",
  gelu_new: "gelu_tanh",
  gelu_fast: "gelu_tanh",
  quickgelu: "quick_gelu",
  swish: "silu",
  "nn.SiLU": "silu",
  hardswish: "hard_swish",
};

/** Applies an activation to each number. */
export function activate(x: Tensor, activation: Activation): Tensor {
  return functions[activation](x);
}

/**
 * The activation that a configuration file names.
 * @throws {VitrineError} UNKNOWN_NAME when there is none of that name.
 */
export function activationNamed(name: string): Activation {
  const found = Object.hasOwn(functions, name) ? (name as Activation) : aliases[name];
  if (found) return found;
  throw new VitrineError("UNKNOWN_NAME", {
    rule: "an activation must be a known one",
    evidence: `got "${name}"`,
    next: `use one of ${Object.keys(functions).join(", ")}`,
  });
}
