/** Looking at data before training on it. */

export { type Choice, type ChosenRecipe, chooseRecipe, type TrainingFacts } from "./choose-recipe.ts";
export {
  type CrossValidation,
  type CrossValidationOptions,
  crossValidate,
  fitDiscriminant,
  type LabelledFeatures,
  type LinearHead,
} from "./discriminant.ts";
export { type Features, featuresOf, startHead } from "./features.ts";
export { type Finding, findingCodes, findingsOf } from "./findings.ts";
export { type Fingerprint, fingerprint, lookDistance, perceptualHash } from "./fingerprint.ts";
export {
  type Copies,
  type Inspection,
  type InspectOptions,
  inspectDataset,
  type Place,
  type SplitFacts,
} from "./inspect-dataset.ts";
export {
  type JudgedLabels,
  judgeLabels,
  type LabelJudgement,
  type LabelSuspect,
  labelSuspects,
} from "./label-errors.ts";
export { type DuplicateGroup, findDuplicates, type Likeness, usualLikeness } from "./near-duplicates.ts";
export { splitWithCopies } from "./split.ts";
