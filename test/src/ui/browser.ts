/** Chromium with Hubbub's page in it, as people have it before them. */
import assert from 'node:assert/strict';
import type { SiteRole } from '@hubbub/protocol/rest.js';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import { findChromium } from '../support/binaries.js';

/** How long a step may take: the machine may be busy with other tests. */
const STEP_MS = 20_000;

/** What a browser says of requests that are refused, as a test means them to be. */
export const REFUSED = /status of 40[34]/;

export interface WindowOptions extends BrowserContextOptions {
  /** What the console may say: of requests that the test itself makes fail. */
  readonly tolerated?: RegExp;
  /** Host beside the page's own that may be asked. */
  readonly elsewhere?: string;
}

/** A running browser. */
export class Desk {
  readonly #browser: Browser;
  readonly #windows: Window[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async open(): Promise<Desk> {
    const executablePath = findChromium();
    assert.ok(executablePath !== null, 'Chromium is not installed');
    return new Desk(await chromium.launch({ executablePath }));
  }

  /** A window with cookies and storage of its own. @param url of the server */
  async window(url: string, options: WindowOptions = {}): Promise<Window> {
    const { tolerated = null, elsewhere = null, ...rest } = options;
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: 'en-GB',
      ...rest,
    });
    context.setDefaultTimeout(STEP_MS);
    const window = new Window(await context.newPage(), url, { tolerated, elsewhere });
    this.#windows.push(window);
    return window;
  }

  /** Closes all windows. @throws when one of them complained, or asked another server */
  async clear(): Promise<void> {
    const windows = this.#windows.splice(0);
    await Promise.all(windows.map(({ page }) => page.context().close()));
    for (const window of windows) assert.deepEqual(window.complaints, []);
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}

/** One page in one window. */
export class Window {
  readonly page: Page;
  /** Errors of the page, warnings of the browser (refused by the Content-Security-Policy), and requests to elsewhere. */
  readonly complaints: string[] = [];
  readonly #url: string;

  constructor(page: Page, url: string, allowed: { tolerated: RegExp | null; elsewhere: string | null }) {
    this.page = page;
    this.#url = url;
    const complain = (text: string) => {
      if (allowed.tolerated === null || !allowed.tolerated.test(text)) this.complaints.push(text);
    };
    const isForeign = (host: string) => host !== new URL(url).host && host !== allowed.elsewhere;
    page.on('pageerror', (error) => complain(`error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complain(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      const { protocol, host } = new URL(request.url());
      if (protocol !== 'data:' && isForeign(host)) complain(`request to ${request.url()}`);
    });
    page.on('websocket', (socket) => {
      if (isForeign(new URL(socket.url()).host)) complain(`socket to ${socket.url()}`);
    });
  }

  /** Opens a part of the page by its address. @param hash as in `#/c/<id>` */
  async go(hash = ''): Promise<void> {
    await this.page.goto(`${this.#url}/${hash}`);
  }

  /** Signs in as one does in development mode. */
  async signIn(name: string, role: SiteRole = 'user'): Promise<void> {
    await this.page.getByLabel('Your name').fill(name);
    if (role !== 'user') await this.page.locator('.segments').getByText(role, { exact: false }).click();
    await this.page.getByRole('button', { name: 'Come in' }).click();
    await this.page.locator('.shell').waitFor();
  }

  async signInByToken(token: string): Promise<void> {
    await this.page.getByLabel('Access token').fill(token);
    await this.page.getByRole('button', { name: 'Come in' }).click();
    await this.page.locator('.shell').waitFor();
  }

  /** The field to write in. */
  get field(): Locator {
    return this.page.getByRole('textbox', { name: /^Message / });
  }

  async say(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press('Enter');
  }

  /** The message with this text. */
  message(text: string): Locator {
    return this.page.locator('article').filter({ hasText: text });
  }

  /** Waits until the message with this text is stored, and drawn once. */
  async sees(text: string): Promise<void> {
    await this.page.locator('article:not([data-state])').filter({ hasText: text }).waitFor();
    assert.equal(await this.message(text).count(), 1, `drawn more than once: ${text}`);
  }

  /** Opens the menu of a message, and takes an entry. */
  async choose(text: string, entry: string): Promise<void> {
    await this.message(text).hover();
    await this.message(text)
      .getByRole('button', { name: /^Actions/ })
      .click();
    await this.page.getByRole('menuitem', { name: entry }).click();
  }
}
