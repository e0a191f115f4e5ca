/**
 * From a graph to a better graph with the same results: every rewrite is a function from graph to graph, and the three below are the orders
 * in which they help each other.
 */

import type { Graph } from "../graph/graph.ts";
import { accumulateInGemm } from "./accumulate-in-gemm.ts";
import { alignScalars } from "./align-scalars.ts";
import { biasApart } from "./bias-apart.ts";
import { drop } from "./drop.ts";
import { factorsAsTheyLie } from "./factors-as-they-lie.ts";
import { fillChannels } from "./fill-channels.ts";
import { type Evaluate, foldConstants, foldKnown } from "./fold-constants.ts";
import { foldWeights } from "./fold-weights.ts";
import { fuseAttention } from "./fuse-attention.ts";
import { selectEarly } from "./select-early.ts";
import { share } from "./share.ts";
import { useRemade } from "./use-remade.ts";

export {
  accumulateInGemm,
  alignScalars,
  biasApart,
  drop,
  type Evaluate,
  factorsAsTheyLie,
  fillChannels,
  foldConstants,
  foldKnown,
  foldWeights,
  fuseAttention,
  selectEarly,
  share,
  useRemade,
};

/** What `rewriteForInference` needs. */
export interface InferenceOptions {
  /** Computes values that depend on no input. */
  readonly evaluate: Evaluate;
  /** Whether operators of ONNX Runtime's own (`com.microsoft`) may be used; default true. Without them other engines can load the model. */
  readonly fuse?: boolean;
  /** Whether variables keep the values they have now (`embedded`, the default) or may change between runs (`live`), and so stay as they are. */
  readonly variables?: "embedded" | "live";
}

/**
 * For a graph without gradients and updates.
 *
 * 1. `useRemade`, `selectEarly`: while the graph still has the form in which it was traced.
 * 2. `drop`, `share`: fewer nodes for the rest to look at; `share` also makes equal constants one before they are folded.
 * 3. `fuseAttention`, then `drop`: the moves around the fused operator meet the opposite moves around the parts.
 * 4. `foldConstants`, `foldWeights`: masks, tables and the weights that step 1 parted.
 */
export async function rewriteForInference(graph: Graph, options: InferenceOptions): Promise<Graph> {
  const { evaluate, fuse = true, variables = "embedded" } = options;
  const small = share(drop(selectEarly(useRemade(graph))));
  const fused = fuse ? drop(fuseAttention(small)) : small;
  const folded = await foldConstants(fused, evaluate);
  return variables === "live" ? folded : foldWeights(folded, evaluate);
}

/**
 * For a graph that holds gradients and updates. (`selectEarly` belongs before the differentiation: the gradient then never makes what the
 * loss does not need.)
 *
 * 1. `useRemade`: while values are the ones that the gradient marked; then `foldKnown`, `drop`, `share`: fewer nodes; parts of weights that several micro-batches use become one.
 * 2. `accumulateInGemm`: needs the products next to the sums, where step 1 puts them.
 * 3. `drop`: reshapes that step 2 made.
 * 4. `alignScalars`: a matter of the engine's, after all that looks at scalars.
 */
export function rewriteForTraining(graph: Graph): Graph {
  return alignScalars(drop(accumulateInGemm(share(drop(foldKnown(useRemade(graph)))))));
}

/**
 * For a graph that ONNX Runtime runs natively on a processor, after one of the rewrites above: the same computation with operators of the engine's own.
 * (In WebAssembly they gain nothing.)
 *
 * 1. `biasApart`, `factorsAsTheyLie`: products in the form whose kernels are fastest.
 * 2. `drop`: reshapes between products and the biases behind them; `share`: the moves that several products now have in common.
 * 3. `alignScalars`: again, since a bias of one number is one beside its product.
 */
export function rewriteForProcessor(graph: Graph): Graph {
  return alignScalars(share(drop(factorsAsTheyLie(biasApart(graph)))));
}
