/** A Vulkan driver for machines without a graphics card: the one that Chromium brings along. */

import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

const usual = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];
const chosen = process.env.VITRINE_CHROMIUM;
const places = [...(chosen && existsSync(chosen) ? [dirname(realpathSync(chosen))] : []), ...usual];
const place = places.find((folder) =>
  ["libvulkan.so.1", "libvk_swiftshader.so", "vk_swiftshader_icd.json"].every((file) => existsSync(join(folder, file))),
);

/** Environment of a process that is to have a WebGPU adapter; undefined where no browser brings the driver. */
export const softwareVulkan: Readonly<Record<string, string>> | undefined =
  place === undefined
    ? undefined
    : { LD_LIBRARY_PATH: place, VK_ICD_FILENAMES: join(place, "vk_swiftshader_icd.json") };
