/** What the server says about itself to the page before anyone has signed in. */
export interface Settings {
  /** Whether names alone sign in: no key is configured. */
  readonly development: boolean;
  /** Longest message, in Unicode code points. */
  readonly message_max_chars: number;
}

/** @param base address under which Hubbub is served, with a slash at its end. @throws TypeError when it is not reached */
export async function loadSettings(base: string): Promise<Settings> {
  const response = await fetch(new URL('settings.json', base));
  if (!response.ok) throw new TypeError(`settings.json: ${response.status}`);
  return (await response.json()) as Settings;
}
