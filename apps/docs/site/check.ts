/**
 * Checks the built site as a stranger gets it: all links and anchors lead somewhere, no page asks another host for
 * anything, and the search finds.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { LinkChecker, LinkState } from "linkinator";
import { type Browser, chromium } from "playwright";
import sirv from "sirv";
import { launch, setup } from "../../../tools/repo/chromium.ts";

/** Words of a visitor, and the page that must be among the first three answers. */
const SEARCHES: readonly [query: string, page: string][] = [
  ["sliding window", "/packages/mechanisms/softmax/"],
  ["featureMap", "/packages/mechanisms/linear/"],
  ["programCost", "/api/core-backend"],
  ["empty rows", "/docs/semantics"],
];

/** Throws an Error that lists all faults of the site in a folder. */
export async function check(dist: string): Promise<void> {
  const server = createServer(sirv(dist, { single: false }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  setup();
  const { env, ...rest } = launch();
  const browser = await chromium.launch({ ...rest, ...(env && { env: env as Record<string, string> }) });
  try {
    const pages = htmlFiles(dist).map((path) => `/${path}`);
    const links = await brokenLinks(origin);
    const faults = [...links.faults, ...(await visits(browser, origin, pages)), ...(await searches(browser, origin))];
    if (faults.length > 0) throw new Error(`${faults.length} faults of the site:\n${faults.join("\n")}`);
    console.log(`${pages.length} pages visited, ${links.count} links checked, ${SEARCHES.length} searches made`);
  } finally {
    await browser.close();
    server.close();
  }
}

/** Follows every link from the home page; links to other hosts are not followed. */
async function brokenLinks(origin: string): Promise<{ count: number; faults: string[] }> {
  const { links } = await new LinkChecker().check({
    ...{ path: `${origin}/`, recurse: true, checkFragments: true, concurrency: 20 },
    linksToSkip: async (link) => !link.startsWith(origin),
  });
  const checked = links.filter(({ state }) => state !== LinkState.SKIPPED);
  if (checked.length < 1000)
    throw new Error(`only ${checked.length} links of the site were found: the checker did not follow them`);
  const faults = checked
    .filter(({ state }) => state === LinkState.BROKEN)
    .map(({ url, parent, status }) => `${parent?.replace(origin, "")} links to ${url.replace(origin, "")}: ${status}`);
  return { count: checked.length, faults };
}

/** Opens every page: nothing comes from another host, nothing fails, nothing is wider than a telephone. */
async function visits(browser: Browser, origin: string, pages: readonly string[]): Promise<string[]> {
  const faults: string[] = [];
  const page = await browser.newPage({ viewport: { width: 390, height: 844 }, locale: "en-GB" });
  let at = "";
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !/^(blob|data):/.test(url)) faults.push(`${at} asks for ${url}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${at} asks for ${response.url()}: ${response.status()}`);
  });
  page.on("pageerror", (error) => faults.push(`${at} throws ${error}`));
  for (at of pages) {
    if (at === "/404.html") continue;
    await page.goto(origin + at, { waitUntil: "load" });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) faults.push(`${at} is ${wide} pixels wider than a window of 390`);
  }
  await page.context().close();
  return faults;
}

/** Searches as a visitor does, by keyboard. */
async function searches(browser: Browser, origin: string): Promise<string[]> {
  const faults: string[] = [];
  const page = await browser.newPage({ locale: "en-GB" });
  await page.goto(`${origin}/`);
  await page.locator(".VPNavBarSearch button").click();
  for (const [query, expected] of SEARCHES) {
    await page.locator(".search-input").fill(query);
    const first = page.locator(".results .result").nth(0);
    await page.waitForTimeout(500);
    await first.waitFor({ timeout: 30_000 });
    const found = await page
      .locator(".results .result")
      .evaluateAll((all) => all.map((a) => new URL((a as HTMLAnchorElement).href).pathname));
    if (!found.slice(0, 3).some((path) => path.replace(/\.html$/, "") === expected))
      faults.push(`the search for "${query}" finds ${found.slice(0, 3).join(", ")}, not ${expected}`);
  }
  await page.context().close();
  return faults;
}

function htmlFiles(dist: string): string[] {
  const all = readdirSync(dist, { recursive: true, encoding: "utf8" }).map((path) => path.replaceAll("\\", "/"));
  return all.filter((path) => path.endsWith(".html") && readFileSync(join(dist, path)).length > 0).sort();
}
