/** `embed.js`: the <hubbub-chat> element. */
import { HubbubChat, setDefaultServer } from './hubbub-chat.js';

const { currentScript } = document;
// The element talks to the server that this script came from, unless it names another one.
if (currentScript instanceof HTMLScriptElement) setDefaultServer(new URL('.', currentScript.src).href);
// A page may have the script twice.
if (customElements.get('hubbub-chat') === undefined) customElements.define('hubbub-chat', HubbubChat);
