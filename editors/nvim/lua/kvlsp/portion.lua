--- How much of a suggestion "accept word" and "accept line" take.
local M = {}

--- The next word with the white space (line breaks too) before it, or the next run of punctuation.
local function word(text)
  local space, rest = text:match('^(%s*)(.*)$')
  local run = rest:match('^[%w_\128-\255]+') or rest:match('^[^%w_%s\128-\255]+') or ''
  return space .. run
end

--- Up to the end of the line; from an end of line, the whole next line.
local function line(text)
  local first = text:match('^\n?[^\n]*')
  return first
end

---@param text string what is left of the suggestion
---@param part 'all'|'word'|'line'
---@return string piece never empty unless `text` is
function M.cut(text, part)
  if part == 'word' then
    return word(text)
  elseif part == 'line' then
    return line(text)
  end
  return text
end

return M
