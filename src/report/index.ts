/** The report of a training run: what was trained how, how good it is, what went wrong, what to do next. */

export type { ChoiceMade, DataFinding, Mistake, ReportContent, Shown, ShownMistake } from "./content.ts";
export { type EpochPoint, type History, historyOf, type StepPoint } from "./history.ts";
export { type NextStep, nextSteps } from "./next-steps.ts";
export { reportPage } from "./page.ts";
