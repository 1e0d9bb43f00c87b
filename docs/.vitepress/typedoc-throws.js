// Adds the type of the error to `@throws {TypeError}`, because the Markdown theme leaves the type out.
import { RendererEvent } from 'typedoc'

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.renderer.on(RendererEvent.BEGIN, ({ project }) => {
    const comments = Object.values(project.reflections).flatMap(({ comment }) => comment ?? [])
    for (const tag of comments.flatMap(({ blockTags }) => blockTags)) {
      if (tag.typeAnnotation === undefined) continue
      tag.content.unshift(
        { kind: 'code', text: `\`${tag.typeAnnotation.replace(/[{}]/g, '')}\`` },
        { kind: 'text', text: ' ' },
      )
    }
  })
}
