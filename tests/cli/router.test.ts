import { expect, test } from "vitest";
import { askRouted } from "../../src/cli/router.ts";
import { type Image, image } from "../../src/data/image.ts";

const pictures: readonly Image[] = Array.from({ length: 5 }, (_, i) => image(1, 1, 1, Uint8Array.of(i)));

test("each picture is asked of one model, those of a model together, and a model without pictures is not asked", async () => {
  const asked: (readonly [model: number, pictures: readonly number[]])[] = [];
  const routes = [2, 0, 2, 2, 0].map((model) => ({ model }));
  const said = await askRouted(routes, pictures, async (model, images) => {
    asked.push([model, images.map(({ data }) => data[0]!)]);
    return images.map(({ data }) => `${model} of ${data[0]}`);
  });
  expect(said).toEqual(["2 of 0", "0 of 1", "2 of 2", "2 of 3", "0 of 4"]);
  expect(asked).toEqual([
    [2, [0, 2, 3]],
    [0, [1, 4]],
  ]);
  expect(await askRouted([], [], async () => expect.unreachable())).toEqual([]);
});
