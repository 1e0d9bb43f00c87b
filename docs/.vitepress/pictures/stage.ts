import type { Browser } from 'playwright-core'

interface Point {
  x: number
  y: number
  pressed?: boolean
}

/** The picture of one moment: a screenshot of each window, and the pointer in the last window. */
export interface Scene {
  windows: readonly Buffer[]
  pointer?: Point | undefined
}

interface Size {
  width: number
  height: number
}

const pointerSvg = `<svg id="pointer" width="22" height="28" viewBox="0 0 22 28"><path d="M2 2v20l5-4.5 3.4 8 4-1.7-3.4-7.8h7z"
  fill="#111" stroke="#fff" stroke-width="1.6" stroke-linejoin="round"/></svg>`

const style = `
  body { margin: 0; padding: 16px; box-sizing: border-box; width: 1200px; background: #dfe4ea; display: grid;
    grid-template-columns: repeat(3, 1fr); gap: 16px; font: 13px system-ui, sans-serif }
  figure { position: relative; margin: 0; background: #fff; border-radius: 8px; overflow: hidden; box-shadow: 0 0 0 1px #c4ccd6 }
  figure:last-of-type { grid-column: 1 / -1 }
  figcaption { color: #57606a; background: #f6f8fa; padding: 7px 12px; border-bottom: 1px solid #d8dee4 }
  figcaption::before { content: '●●●'; letter-spacing: 3px; color: #afb8c1; margin-right: 12px }
  img { display: block; margin: auto; max-width: 100% }
  #pointer { position: absolute; display: none }
  #pointer.pressed { scale: 0.85 }`

/** Makes a page that shows the windows of the demo. The applications are above the provider. */
export async function createStage(browser: Browser, names: readonly string[], sizes: readonly Size[]) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 100 } })
  const figures = names.map((name, index) => {
    const { width, height } = sizes[index]!
    const pointer = index === names.length - 1 ? pointerSvg : ''
    return `<figure><figcaption>${name}</figcaption><div style="position:relative"><img width="${width}" height="${height}">${pointer}</div></figure>`
  })
  await page.setContent(`<!doctype html><style>${style}</style>${figures.join('')}`)
  let last: Buffer | undefined
  let current: Buffer | undefined

  return {
    /** The whole stage. */
    async picture({ windows, pointer }: Scene): Promise<Buffer> {
      const sources = windows.map((png) => `data:image/png;base64,${png.toString('base64')}`)
      await page.evaluate(
        async ({ urls, point }) => {
          const pictures = [...document.querySelectorAll('img')]
          await Promise.all(
            pictures.map((image, index) => {
              if (image.src !== urls[index]) image.src = urls[index]!
              return image.decode()
            }),
          )
          const hand = document.querySelector<SVGElement>('#pointer')!
          hand.style.display = point ? 'block' : 'none'
          hand.style.left = `${point?.x ?? 0}px`
          hand.style.top = `${point?.y ?? 0}px`
          hand.classList.toggle('pressed', point?.pressed === true)
        },
        { urls: sources, point: pointer },
      )
      last = current
      current = await page.screenshot({ fullPage: true })
      return current
    },

    /** Returns the rectangle that differs between the last two pictures, or nothing. */
    async changes(): Promise<{ png: Buffer; x: number; y: number } | undefined> {
      const box = await page.evaluate(
        differingBox,
        [last!, current!].map((png) => png.toString('base64')),
      )
      if (box === undefined) return undefined
      return { png: await page.screenshot({ fullPage: true, clip: box }), x: box.x, y: box.y }
    },
  }
}

/** Runs in the browser, because the browser can decode pictures. */
async function differingBox(pictures: string[]) {
  const [one, other] = await Promise.all(
    pictures.map(async (base64) => {
      const blob = await (await fetch(`data:image/png;base64,${base64}`)).blob()
      const bitmap = await createImageBitmap(blob)
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!
      context.drawImage(bitmap, 0, 0)
      const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height)
      return { pixels: new Uint32Array(data.buffer), width: bitmap.width }
    }),
  )
  const { pixels, width } = other!
  let [left, top, right, bottom] = [Infinity, Infinity, -1, -1]
  pixels.forEach((pixel, index) => {
    if (pixel === one!.pixels[index]) return
    const [x, y] = [index % width, Math.floor(index / width)]
    ;[left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)]
  })
  return right === -1 ? undefined : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 }
}
