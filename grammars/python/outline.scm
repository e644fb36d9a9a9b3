; Definitions with their names; the signature is what stands before the body.
(function_definition name: (identifier) @name body: (block) @body) @definition
(class_definition name: (identifier) @name body: (block) @body) @definition
(module (expression_statement (assignment left: (identifier) @name)) @definition)
