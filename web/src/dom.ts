/** The few helpers by which the views make and find elements. Text goes in as text, never as markup. */

/** @throws if the page has no such element: index.html and the views must agree */
export function byId<T extends Element>(id: string, type: abstract new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no ${type.name} with the id ${id}`);
  return element;
}

/** @param attributes `class`, `type` and the like; an attribute whose value is undefined is left out */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | undefined>> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An icon of index.html's sprite, hidden from screen readers: what it stands for is said by its button. */
export function icon(name: string, className = 'icon'): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', className);
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Shows `text` in an element, and hides the element when there is none. */
export function showText(element: HTMLElement, text: string | null): void {
  if (element.textContent !== (text ?? '')) element.textContent = text ?? '';
  element.hidden = text === null || text === '';
}
