/** All verbs with their options: read at each start, so that nothing here loads what a verb needs to run. */

import { Command, Help, Option } from "commander";
import { methodNames } from "../explain/methods.ts";
import { wordsMethodNames } from "../explain/words/words-explanation.ts";
import { packageVersion } from "./package.ts";
import { gridPlace, positiveNumber, shareBelowOne, wholeNumber } from "./values.ts";
import { addVerb } from "./verb.ts";
import { addWordVerbs } from "./word-verbs.ts";

const about = `The transformer family in TypeScript: train it, run it, look inside it.

A MODEL (or REF) is a folder that \`vitrine train\` made, a weights file with
--arch NAME, a hub id such as timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k, or
the name of a model in the package. DATA is a folder with one folder of images
for each class, or of tar archives or parquet files, a list of images (.csv,
.jsonl), or shapes, mnist, fashion-mnist, cifar10, cifar100.`;

const firstSteps = `
Begin with:
  $ vitrine demo                          everything once, in under two minutes
  $ vitrine train ./photos --from REF     fine-tune a model on your own images
  $ vitrine classify new.jpg --model DIR
  $ vitrine explain new.jpg --model DIR

Exit codes: 0 done, 1 the job failed or a check did not hold, 2 wrong usage,
130 stopped by Ctrl-C.`;

/** The program, ready to parse `process.argv`. */
export function makeProgram(): Command {
  const plain = new Help();
  const program = new Command("vitrine")
    .description(about)
    .addHelpText("after", firstSteps)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .configureHelp({ optionDescription: (option) => plain.optionDescription(option).replace(" (default: false)", "") })
    .option("-V, --version", "print the version")
    .on("option:version", () => {
      process.stdout.write(`${packageVersion()}\n`);
      process.exit();
    });
  const arch = ["--arch <name>", "architecture of a bare weights file, by timm's name"] as const;
  const dataHelp = "folder of class folders, tar archives or parquet files, a list of images, or a name such as shapes";
  const dataDir = ["--data-dir <dir>", "folder with the files of a named data set; nothing is fetched then"] as const;
  const tta = (): Option =>
    new Option("--tta <views>", "average the answers to several views of each image").choices([
      "flip",
      "crops",
      "flip-crops",
    ]);
  const workers = ["--workers <n>", "threads that read images", wholeNumber(0, 64)] as const;

  addVerb(
    program,
    {
      name: "train",
      summary: "Train a model, or fine-tune one.",
      details:
        "Looks at the data first and says what it found, then chooses what you leave open and says why. The output folder ends with the best model (by validation accuracy, balanced where the classes are not equally many; texts by loss), in files that timm or transformers load, a report, the log and the checkpoints. Without --model and --from, photographs are learnt with weights from the hub's cache where it has some; else the model is a small ViT that fits the data's images.",
      stopsItself: true,
      examples: [
        "vitrine train shapes",
        "vitrine train fashion-mnist --data-dir ~/data --epochs 10 --out runs/fashion",
        "vitrine train ./photos --from timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k",
        "vitrine train ./photos --from timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k --tune lora --epochs 6",
        "vitrine train ./photos --model vit_small_patch16_224 --auto-augment rand-m9-mstd0.5-inc1",
        "vitrine train multi30k --languages de-en --out runs/translator",
        "vitrine train ./novel.txt --model gpt2 --out runs/writer",
        "vitrine train --resume --out runs/fashion",
      ],
    },
    (command) =>
      command
        .argument("[data]", dataHelp)
        .option(
          "--model <name>",
          "architecture to train from the start, by timm's name; for texts gpt2, lstm or gru, for translations transformer, gru or lstm",
        )
        .option("--languages <from-to>", "of translations: de-en")
        .addOption(
          new Option("--attention <kind>", "of a recurrent translator; default: additive").choices([
            "additive",
            "general",
            "dot",
            "none",
          ]),
        )
        .option(
          "--from <ref>",
          "model to fine-tune; its head stays where its classes are the data's, else it gets one for them",
        )
        .option(...arch)
        .option("--config <file>", "JSON with settings of the recipe, and `model` with what differs in the model")
        .option("--epochs <n>", "times that every image is seen", wholeNumber(1, 100_000))
        .option("--batch <n>", "images of one step; windows of a text, words of translations", wholeNumber(1, 65_536))
        .option("--lr <x>", "highest learning rate", positiveNumber)
        .addOption(
          new Option("--find-lr", "find the learning rate by a range test of 100 steps")
            .conflicts(["lr", "resume"])
            .default(false),
        )
        .addOption(
          new Option(
            "--tune <what>",
            "what is trained: the head alone, adapters and the head, or all; default: what fits",
          ).choices(["probe", "lora", "full"]),
        )
        .addOption(
          new Option(
            "--head <start>",
            "what the head begins with: the model's own, the best linear head on what the weights see, or random weights; default: what fits",
          )
            .choices(["keep", "closed", "random"])
            .conflicts("resume"),
        )
        .addOption(
          new Option("--optimizer <name>", "default: adamw").choices(["adamw", "adam", "sgd", "lamb", "lion", "muon"]),
        )
        .option("--accumulate <n>", "batches of one step", wholeNumber(1, 65_536))
        .option("--auto-augment <rules>", "changes of the images, in timm's notation: rand-m9-mstd0.5-inc1, ta_wide, …")
        .option(
          "--teacher <ref>",
          "trained model to learn from beside the labels: its labels and image size are the student's",
        )
        .addOption(
          new Option(
            "--distillation <how>",
            "what of the teacher is learnt: the label it names, or its probabilities; default: hard",
          ).choices(["hard", "soft"]),
        )
        .option("--ema <share>", "keep a running average of the weights, this share of it at each step", shareBelowOne)
        .option(
          "--patience <n>",
          "stop after so many epochs without a better one, by what chooses the best",
          wholeNumber(1),
        )
        .option("--out <dir>", "output folder; default: a new one in vitrine-out/")
        .option("--resume", "go on with the run in --out, with its own settings", false)
        .option(...dataDir)
        .option(...workers, 2)
        .option(
          "--store <where>",
          "keep decoded pictures for later epochs, which then need no decoding: `memory` (at most a quarter of it), a folder, also for later runs, or `none`; default: `memory` for photographs that are made smaller first, else `none`",
        )
        .option("--checkpoint-every <n>", "steps between checkpoints, besides those after epochs", wholeNumber(1))
        .option("--histograms", "log how weights and gradients are spread after each epoch, for TensorBoard", false)
        .option("--limit <n>", "train on about this many images, pairs of sentences or characters only", wholeNumber(2))
        .option(
          "--hold-back <share>",
          "share of each class to choose the best epoch by, where the data has no validation images; 0: none, and the last epoch is kept; default: 0.1",
          shareBelowOne,
        )
        .option("--no-inspect", "do not look at all images first")
        .option("--no-report", "write no report.html")
        .option("--strict", "stop at a file that cannot be read, instead of skipping it", false),
    async () => (await import("./commands/train.ts")).train,
  );

  addVerb(
    program,
    {
      name: "pretrain",
      summary: "Learn from images without labels, for training later with few.",
      details:
        "A masked autoencoder paints what it is not shown; afterwards its encoder is a model that `vitrine train --from` fine-tunes. The output folder ends with the encoder, the whole autoencoder in transformers' form, and a picture of what it paints.",
      stopsItself: true,
      examples: [
        "vitrine pretrain shapes --epochs 10 --out runs/painter",
        "vitrine train shapes --limit 100 --from runs/painter",
        "vitrine pretrain ./photos --model vit_small_patch16_224 --epochs 200",
        "vitrine pretrain ./photos --from facebook/vit-mae-base --epochs 20",
      ],
    },
    (command) =>
      command
        .argument("[data]", dataHelp)
        .option("--model <name>", "the encoder, a Vision Transformer by timm's name; default: a small one that fits")
        .option("--from <ref>", "masked autoencoder that learns on: a folder autoencoder/ of a run, or a hub id")
        .option(...arch)
        .option("--epochs <n>", "times that every image is seen", wholeNumber(1, 100_000))
        .option("--batch <n>", "images of one step", wholeNumber(1, 65_536))
        .option("--lr <x>", "highest learning rate", positiveNumber)
        .option("--mask <share>", "share of the patches that is hidden; default: 0.75", shareBelowOne)
        .option("--out <dir>", "output folder; default: a new one in vitrine-out/")
        .option("--resume", "go on with the run in --out, with its own settings", false)
        .option(...dataDir)
        .option(...workers, 2)
        .option("--checkpoint-every <n>", "steps between checkpoints, besides those after epochs", wholeNumber(1))
        .option("--limit <n>", "use about this many images only", wholeNumber(2))
        .option("--strict", "stop at a file that cannot be read, instead of skipping it", false),
    async () => (await import("./commands/pretrain.ts")).pretrain,
  );

  addVerb(
    program,
    {
      name: "inspect",
      summary: "Look at a data set: counts, copies, leaks, broken files, wrong labels.",
      details:
        "Labels are judged by what a trained model sees in the images: name one with --from. Nothing is changed.",
      stopsItself: true,
      examples: [
        "vitrine inspect ./photos",
        "vitrine inspect ./photos --from timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k",
      ],
    },
    (command) =>
      command
        .argument("<data>", dataHelp)
        .option("--from <ref>", "model whose features judge the labels: folder, weights file, hub id or name")
        .option(...arch)
        .option(...dataDir)
        .option(...workers, 2)
        .option("--examples <n>", "how many examples of each finding", wholeNumber(0), 10),
    async () => (await import("./commands/inspect.ts")).inspectVerb,
  );

  addVerb(
    program,
    {
      name: "report",
      summary: "Write the report of a training run again.",
      details:
        "One HTML file in the run's folder: curves, classes, mistakes with explanations, calibration, what to do next.",
      stopsItself: true,
      examples: ["vitrine report runs/fashion"],
    },
    (command) => command.argument("<dir>", "folder that `vitrine train` made").option(...workers, 2),
    async () => (await import("./commands/report.ts")).report,
  );

  addVerb(
    program,
    {
      name: "eval",
      summary: "How good a model is: accuracy and its tables; BLEU; perplexity.",
      details:
        "Judged are the test images (or pairs of sentences) of DATA, else its validation images, else those that the run in MODEL's folder held back, else all of them; of a named text its last tenth.",
      stopsItself: true,
      examples: [
        "vitrine eval runs/fashion fashion-mnist --data-dir ~/data",
        "vitrine eval DIR ./photos --json",
        "vitrine eval DIR multi30k --languages de-en --beams 4",
      ],
    },
    (command) =>
      command
        .argument("<model>", "folder, weights file, hub id or name")
        .argument("<data>", dataHelp)
        .option(...arch)
        .option(...dataDir)
        .option(...workers, 1)
        .option("--limit <n>", "use about this many images only", wholeNumber(1))
        .addOption(tta())
        .option("--strict", "stop at a file that cannot be read, instead of skipping it", false)
        .option("--languages <pair>", "of translations: from-to, such as de-en")
        .option("--beams <n>", "of translations: sentences kept at each step; 1: greedy", wholeNumber(1, 64), 1),
    async () => (await import("./commands/eval.ts")).evalVerb,
  );

  addVerb(
    program,
    {
      name: "classify",
      summary: "Labels of images, best first.",
      examples: [
        "vitrine classify new.jpg --model DIR",
        "vitrine classify *.jpg --model timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k --top 3",
        "vitrine classify new.jpg --model model.safetensors --arch vit_tiny_patch16_224 --json",
      ],
    },
    (command) =>
      command
        .argument("<image...>", "image files")
        .option(
          "--model <ref>",
          "folder, weights file, hub id or name; default: the package's own models, of which the one that knows such pictures answers",
        )
        .option(...arch)
        .option("--top <k>", "how many labels", wholeNumber(1), 5)
        .addOption(tta()),
    async () => (await import("./commands/classify.ts")).classify,
  );

  addVerb(
    program,
    {
      name: "explain",
      summary: "A picture of why the model says what it says.",
      stopsItself: true,
      examples: [
        "vitrine explain new.jpg --model DIR",
        "vitrine explain new.jpg --model DIR --method attention --block 5 --out attention.html",
        "vitrine explain new.jpg --model DIR --method rollout --patch 3,5",
        "vitrine explain new.jpg --model DIR/autoencoder --seed 1",
        'vitrine explain "Ein Hund läuft." --model DIR --method alignment',
      ],
    },
    (command) =>
      command
        .argument("<image>", "image file; for a model of words, a text")
        .option(
          "--model <ref>",
          "folder, weights file, hub id or name; default: the package's own models, of which the one that knows such pictures answers",
        )
        .option(...arch)
        .option(
          "--method <name>",
          `${methodNames.slice(0, -1).join(", ")} or ${methodNames.at(-1)}, for texts ${wordsMethodNames.join(", ")}, for masked autoencoders reconstruction; default: the first of them that fits the model`,
        )
        .option("--class <name>", "label or index of the class to explain; default: the predicted one")
        .option("--block <n>", "one block, from 0; default: all", wholeNumber(0))
        .option("--head <n>", "one head, from 0; default: all", wholeNumber(0))
        .addOption(
          new Option("--token <n>", "whose attention, by the token's number")
            .argParser(wholeNumber(0))
            .conflicts("patch"),
        )
        .option("--patch <row,column>", "whose attention, by the patch's place, from 0", gridPlace)
        .addOption(new Option("--fusion <name>", "how rollout joins the heads").choices(["mean", "max", "min"]))
        .option("--discard <share>", "share of the smallest weights that rollout leaves out", shareBelowOne)
        .option("--target <text>", "for models that translate: the translation to look at; default: the model's own")
        .option(
          "--out <file>",
          "picture to write, .png, .svg, .html, or .json for the numbers; default: a new .png in this folder",
        ),
    async () => (await import("./commands/explain.ts")).explain,
  );

  addWordVerbs(program);

  addVerb(
    program,
    {
      name: "export",
      summary: "Write a model in a form that others load.",
      stopsItself: true,
      details: "OUT.onnx is for any ONNX engine, OUT.safetensors for timm, a folder for timm or transformers.",
      examples: [
        "vitrine export DIR model.onnx",
        "vitrine export DIR model.safetensors",
        "vitrine export DIR for-transformers --layout huggingface",
      ],
    },
    (command) =>
      command
        .argument("<model>", "folder, weights file, hub id or name")
        .argument("<out>", "file ending in .onnx or .safetensors, or a folder")
        .option(...arch)
        .addOption(new Option("--layout <name>", "whose names a folder's files have").choices(["timm", "huggingface"]))
        .option("--half", "write weights in 16 bits: half the size, nearly the same answers", false)
        .option("--force", "replace what is there", false),
    async () => (await import("./commands/export.ts")).exportVerb,
  );

  addVerb(
    program,
    {
      name: "verify",
      summary: "Our numbers beside the reference's.",
      details: "Tensor by tensor; exit code 1 if one is out of its file's tolerance.",
      examples: ["vitrine verify goldens/vit-*.safetensors", "vitrine verify golden.safetensors --device wasm --json"],
    },
    (command) => command.argument("<golden...>", "files of the format vitrine-golden/1"),
    async () => (await import("./commands/verify.ts")).verify,
  );

  addVerb(
    program,
    {
      name: "bench",
      summary: "How fast a model runs or trains here.",
      details: "A model's name alone is timed with random weights.",
      examples: [
        "vitrine bench vit_small_patch16_224 --batch 8",
        "vitrine bench DIR --task train --batch 32 --threads 2",
      ],
    },
    (command) =>
      command
        .argument("<model>", "architecture's name, folder, weights file or hub id")
        .option(...arch)
        .addOption(new Option("--task <name>", "what is timed").choices(["infer", "train"]).default("infer"))
        .option("--batch <n>", "images at a time", wholeNumber(1, 65_536), 1),
    async () => (await import("./commands/bench.ts")).bench,
  );

  addVerb(
    program,
    {
      name: "models",
      summary: "The models there are; one in full with NAME, several side by side.",
      details: "Sizes, parameters, cost, weights, preprocessing, published accuracy.",
      examples: [
        "vitrine models",
        "vitrine models vit_tiny_patch16_224",
        "vitrine models resnet50.tv2_in1k",
        "vitrine models resnet50 vit_small_patch16_224 deit_small_patch16_224",
      ],
    },
    (command) => command.argument("[name...]", "timm's name, with or without the tag of weights"),
    async () => (await import("./commands/models.ts")).models,
  );

  addVerb(
    program,
    {
      name: "doctor",
      summary: "What works on this machine.",
      details: "Versions, threads, and each device with a check of its numbers; exit code 1 if the cpu does not work.",
      examples: ["vitrine doctor", "vitrine doctor --json"],
    },
    (command) => command,
    async () => (await import("./commands/doctor.ts")).doctor,
  );

  addVerb(
    program,
    {
      name: "demo",
      summary: "Everything once, in under two minutes.",
      details:
        "Trains a small ViT on drawn shapes, evaluates it, classifies and explains an image that it has not seen.",
      stopsItself: true,
      examples: ["vitrine demo"],
    },
    (command) => command,
    async () => (await import("./commands/demo.ts")).demo,
  );
  return program;
}
