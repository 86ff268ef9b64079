/**
 * Checks the built site as a stranger gets it: all links and anchors lead somewhere, no page asks another host for
 * anything, and the search finds.
 */
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium } from "playwright";
import sirv from "sirv";
import { launch, setup } from "../../../tools/repo/chromium.ts";
import { brokenLinks, type Visited } from "./broken-links.ts";

/** Words of a visitor, and the page that must be among the first three answers. */
const SEARCHES: readonly [query: string, page: string][] = [
  ["sliding window", "packages/mechanisms/softmax/"],
  ["featureMap", "api/linear"],
  ["programCost", "api/core-backend"],
  ["semantics", "docs/semantics"],
];

/** Throws an Error that lists all faults of the site in a folder, which is served under the path `base`. */
export async function check(dist: string, base: string): Promise<void> {
  const files = sirv(dist);
  const server = createServer((request, response) => {
    const missing = () => {
      response.writeHead(404).end();
    };
    const { url = "" } = request;
    request.url = `/${url.slice(base.length)}`;
    if (!url.startsWith(base)) missing();
    else files(request, response, missing);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const site = `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`;
  setup();
  const { env, ...rest } = launch();
  const browser = await chromium.launch({ ...rest, ...(env && { env: env as Record<string, string> }) });
  try {
    const paths = readdirSync(dist, { recursive: true, encoding: "utf8" }).map((path) => path.replaceAll("\\", "/"));
    const pages = paths.filter((path) => path.endsWith(".html") && path !== "404.html").sort();
    const { visited, faults } = await visit(browser, site, pages);
    faults.push(...brokenLinks(visited, new Set(paths)), ...(await search(browser, site)));
    if (faults.length > 0) throw new Error(`${faults.length} faults of the site:\n${faults.join("\n")}`);
    const links = visited.reduce((sum, { links }) => sum + links.length, 0);
    console.log(`${pages.length} pages visited, ${links} links followed, ${SEARCHES.length} searches made`);
  } finally {
    await browser.close();
    server.close();
  }
}

/** Opens every page: nothing comes from another host, nothing fails, nothing is wider than a telephone. */
async function visit(browser: Browser, site: string, pages: readonly string[]) {
  const faults: string[] = [];
  const visited: Visited[] = [];
  const page = await browser.newPage({ viewport: { width: 390, height: 844 }, locale: "en-GB" });
  let path = "";
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(site) && !/^(blob|data):/.test(url)) faults.push(`${path} asks for ${url}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${path} asks for ${response.url()}: ${response.status()}`);
  });
  page.on("pageerror", (error) => faults.push(`${path} throws ${error}`));
  for (path of pages) {
    await page.goto(site + path);
    const { links, ids, wider } = await page.evaluate(() => ({
      links: [...document.querySelectorAll<HTMLAnchorElement>("a[href]")].map(({ href }) => href),
      ids: [...document.querySelectorAll("[id]")].map(({ id }) => id),
      wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    }));
    if (wider > 0) faults.push(`${path} is ${wider} pixels wider than a window of 390`);
    const own = links.filter((link) => link.startsWith(site)).map((link) => link.slice(site.length));
    visited.push({ path, links: own, ids: new Set(ids) });
  }
  await page.context().close();
  return { visited, faults };
}

/** Searches as a visitor does. */
async function search(browser: Browser, site: string): Promise<string[]> {
  const faults: string[] = [];
  const page = await browser.newPage({ locale: "en-GB" });
  await page.goto(site);
  await page.locator(".VPNavBarSearch button").click();
  for (const [query, expected] of SEARCHES) {
    const results = page.locator(".results .result");
    await page.locator(".search-input").fill("");
    await results.first().waitFor({ state: "detached" });
    await page.locator(".search-input").fill(query);
    await results.first().waitFor();
    const found = await results.evaluateAll((all) => all.map((a) => (a as HTMLAnchorElement).href));
    const best = found.slice(0, 3).map((link) => link.slice(site.length));
    if (!best.some((link) => link.replace(/(\.html)?#.*$/, "") === expected))
      faults.push(`the search for "${query}" finds ${best.join(", ")}, not ${expected}`);
  }
  await page.context().close();
  return faults;
}
