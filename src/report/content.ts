/** What a report of a training run says, as plain data: whoever shows it adds no number of its own. */

import type { Calibration, Temperature } from "../tasks/calibration.ts";
import type { Evaluation } from "../tasks/evaluate.ts";
import type { History } from "./history.ts";

/** Something that was decided for the user, and why. */
export interface ChoiceMade {
  /** `method`, `learning rate`. */
  readonly what: string;
  readonly value: string;
  readonly reason: string;
}

/** Something that was found in the data before the training. */
export interface DataFinding {
  /** One sentence with its numbers. */
  readonly text: string;
  /** Whether somebody should look at it. */
  readonly serious: boolean;
  /** Files that show it, worst first. */
  readonly files: readonly string[];
}

/** A picture whose label the model got wrong. */
export interface Mistake {
  /** Its file, or its number where it is none. */
  readonly name: string;
  /** Position in the data set. */
  readonly index: number;
  /** Right label and label given, by index. */
  readonly is: number;
  readonly given: number;
  /** Probability of the label given, and of the right one. */
  readonly confidence: number;
  readonly rightProbability: number;
}

/** A mistake as it looks. */
export interface ShownMistake extends Mistake {
  /** What the model saw, as a `data:` URL. */
  readonly photo: string;
  /** Why it gave that label; absent where the model cannot be explained. */
  readonly why?: Shown | undefined;
}

/** An explanation's picture and the numbers at the ends of its colours. */
export interface Shown {
  readonly picture: string;
  readonly method: string;
  readonly quantity: string;
  readonly low: number;
  readonly high: number;
}

/** All that a report says. */
export interface ReportContent {
  /** The data set's name. */
  readonly title: string;
  readonly model: {
    readonly name: string;
    /** timm's name of the architecture that it is a variant of. */
    readonly architecture: string;
    readonly parameters: number;
    /** Channels, height, width. */
    readonly inputSize: readonly number[];
    /** Whose weights it began with; absent for random ones. */
    readonly from?: string | undefined;
  };
  readonly data: {
    readonly classes: readonly string[];
    /** Pictures of each class that were learned from. */
    readonly trainCounts: readonly number[];
    /** Which pictures the figures are of, in words: `validation images`, `test images`. */
    readonly judged: string;
    /** Whether the best epoch was chosen by the same pictures. */
    readonly chosenBy: boolean;
    /** Pictures that the epochs' validation figures are of; absent where these are the pictures that are judged, or none. */
    readonly validationImages?: number | undefined;
    readonly findings: readonly DataFinding[];
    readonly unreadable: readonly { readonly file: string; readonly reason: string }[];
  };
  readonly choices: readonly ChoiceMade[];
  /** All settings of the recipe, and the seed. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly history: History;
  readonly evaluation: Evaluation;
  readonly calibration: Calibration;
  readonly temperature: Temperature;
  /** All mistakes, the most confident first. */
  readonly mistakes: readonly Mistake[];
  /** The first of them, with pictures. */
  readonly shown: readonly ShownMistake[];
  /** Where and with what it was made: `vitrine`, `engine`, `processor`, … */
  readonly environment: Readonly<Record<string, string>>;
}
