//! A dump as statements. Only what is read here is understood; all else is counted.

use memchr::memmem;

use super::{
    AsmOperand, At, Base, Function, Kind, Operand, Place, Statement, Step, Type, TypeName, Unit, Value,
    Variable,
    lex::{Lexer, Token},
};

/// Deeper than any initialiser of Xen's; a guard against made-up input.
const DEEPEST: usize = 64;

/// Reads one dump.
pub fn parse(text: &str) -> Unit<'_> {
    let mut reader = Reader { text, at: 0, unit: Unit::default() };
    reader.unit();
    reader.unit
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    unit: Unit<'t>,
}

impl<'t> Reader<'t> {
    /// The next line, without its end.
    fn line(&mut self) -> Option<&'t str> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        self.at += length + 1;
        rest.get(..length)
    }

    fn unit(&mut self) {
        let mut attributes = Vec::new();
        let mut function: Option<Function<'t>> = None;
        let mut in_type = false;
        while let Some(line) = self.line() {
            if let Some(open) = &mut function {
                if line == "}" {
                    in_type = false;
                    self.unit.functions.extend(function.take());
                    continue;
                }
                let text = line.trim();
                if text.is_empty() || text.contains("# DEBUG ") {
                    continue;
                }
                // The members of a type that has no name stand between `struct` and `}`.
                if in_type && !text.starts_with('}') {
                    continue;
                }
                in_type = ["struct", "union"].iter().any(|word| text.ends_with(word)) && !text.contains(';');
                if in_type {
                    continue;
                }
                let whole = match memmem::find(text.as_bytes(), b"__asm__") {
                    Some(_) if !text.ends_with(");") => self.until_closed(text),
                    _ => text,
                };
                statement(whole, open, &mut self.unit);
            } else if let Some(inner) = line.strip_prefix("__attribute__((") {
                attributes.push(inner.strip_suffix("))").unwrap_or(inner));
            } else if !line.is_empty() {
                function = header(line);
                match &mut function {
                    Some(function) => {
                        function.attributes = std::mem::take(&mut attributes);
                        let opening = self.line().unwrap_or_default();
                        function.at = Lexer::new(opening).place().unwrap_or_default();
                    }
                    None => {
                        // They are of what was not understood, not of the next function.
                        attributes.clear();
                        not_understood(&mut self.unit, line);
                    }
                }
            }
        }
        self.unit.cut_off = function.map(|function| function.name);
    }

    /// Inline assembly has line ends in it: a statement from `first`, the line just read, to the
    /// one that ends its operands.
    fn until_closed(&mut self, first: &'t str) -> &'t str {
        let start = first.as_ptr() as usize - self.text.as_ptr() as usize;
        let mut end = start + first.len();
        while let Some(line) = self.line() {
            end = line.as_ptr() as usize - self.text.as_ptr() as usize + line.len();
            if line.ends_with(");") {
                break;
            }
        }
        self.text.get(start..end).unwrap_or(first)
    }
}

/// Counts a line by its shape: names as `n`, so that the like fall together.
fn not_understood(unit: &mut Unit<'_>, text: &str) {
    let mut shape = String::new();
    for token in Lexer::new(text).take(24) {
        match token {
            Token::Name(name) if name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') => {
                shape.push_str(name)
            }
            Token::Name(_) => shape.push('n'),
            Token::Number(_) => shape.push('0'),
            Token::Text(_) => shape.push('s'),
            Token::Sign(sign) => shape.push_str(sign),
        }
        shape.push(' ');
    }
    *unit.not_understood.entry(shape.trim_end().to_owned()).or_default() += 1;
}

/// `RESULT NAME (PARAMETERS)`
fn header(line: &str) -> Option<Function<'_>> {
    let mut lexer = Lexer::new(line);
    let (result, name, _) = declarator(&mut lexer)?;
    if !lexer.eat("(") {
        return None;
    }
    let mut parameters = Vec::new();
    while !lexer.eat(")") {
        let start = lexer.clone();
        let Some((ty, name, dimensions)) = declarator(&mut lexer) else {
            // A parameter without a name.
            lexer = start;
            abstract_type(&mut lexer)?;
            lexer.eat(",");
            continue;
        };
        parameters.push(Variable { name, ty, dimensions, is_static: false, initial: None });
        if !lexer.eat(",") && !matches!(lexer.peek(), Some(Token::Sign(")"))) {
            return None;
        }
    }
    lexer.next().is_none().then(|| Function {
        name,
        at: At::default(),
        attributes: Vec::new(),
        result,
        parameters,
        variables: Vec::new(),
        statements: Vec::new(),
    })
}

/// Skips `[3][4]`, and says how many.
fn sizes(lexer: &mut Lexer<'_>) -> u8 {
    let mut dimensions = 0_u8;
    while lexer.eat("[") {
        lexer.close();
        dimensions = dimensions.saturating_add(1);
    }
    dimensions
}

fn qualifier(name: &str) -> bool {
    matches!(
        name,
        "const" | "volatile" | "register" | "restrict" | "static" | "extern" | "inline" | "auto" | "_Atomic"
    )
}

/// The part of a type before its pointers. With `declares` the last of several names is left for
/// the variable.
fn type_base<'t>(lexer: &mut Lexer<'t>, declares: bool) -> Option<TypeName<'t>> {
    let mut base = None;
    loop {
        let before = lexer.clone();
        match lexer.next() {
            Some(Token::Name(name)) if qualifier(name) => {}
            Some(Token::Name("struct" | "union")) if base.is_none() => {
                base = Some(match lexer.peek() {
                    Some(Token::Name(name)) if !qualifier(name) => {
                        let mut after = lexer.clone();
                        after.next();
                        // `struct  args[1];` has no tag.
                        let tag = after.clone();
                        sizes(&mut after);
                        if declares && matches!(after.peek(), Some(Token::Sign(";" | "="))) {
                            TypeName::Unnamed
                        } else {
                            *lexer = tag;
                            TypeName::Struct(name)
                        }
                    }
                    _ => TypeName::Unnamed,
                });
            }
            Some(Token::Name("enum")) if base.is_none() => {
                lexer.next();
                base = Some(TypeName::Named("int"));
            }
            Some(Token::Sign("<")) if base.is_none() => {
                while !matches!(lexer.next(), None | Some(Token::Sign(">"))) {}
                base = Some(TypeName::Unnamed);
            }
            Some(Token::Name(name)) => {
                // Is this the variable? It is if a base stands before it and nothing of a type
                // follows.
                let mut after = lexer.clone();
                sizes(&mut after);
                let follows = matches!(after.peek(), Some(Token::Name(_) | Token::Sign("*")));
                let pointer = matches!(lexer.peek(), Some(Token::Sign("("))) && {
                    let mut ahead = lexer.clone();
                    ahead.next();
                    ahead.peek() == Some(Token::Sign("*"))
                };
                let asm = matches!(lexer.peek(), Some(Token::Name("__asm__")));
                let whole = matches!(base, Some(TypeName::Struct(_) | TypeName::Unnamed));
                if declares && base.is_some() && (whole || asm || !(follows || pointer)) {
                    *lexer = before;
                    return base;
                }
                base = Some(TypeName::Named(name));
            }
            _ => {
                *lexer = before;
                return base;
            }
        }
    }
}

/// Pointers, and what makes a type one of functions.
fn type_pointers<'t>(lexer: &mut Lexer<'t>, base: TypeName<'t>) -> Type<'t> {
    let mut ty = Type { base, pointers: 0 };
    let mut depth = 0;
    loop {
        let before = lexer.clone();
        match lexer.next() {
            Some(Token::Sign("*")) => ty.pointers = ty.pointers.saturating_add(1),
            Some(Token::Name(name)) if qualifier(name) => {}
            Some(Token::Sign("(")) if lexer.peek() == Some(Token::Sign("*")) => {
                let mut pointers = 0_u8;
                while lexer.eat("*") {
                    pointers = pointers.saturating_add(1);
                }
                lexer.close();
                if lexer.eat("(") {
                    lexer.close();
                    depth += 1;
                    if depth > DEEPEST {
                        return ty;
                    }
                    ty = Type { base: TypeName::Function(Box::new(ty)), pointers };
                } else {
                    // A pointer to an array.
                    ty.pointers = ty.pointers.saturating_add(pointers);
                }
            }
            // `char[8] * x`: an array, unless it belongs to a name.
            Some(Token::Sign("[")) => lexer.close(),
            _ => {
                *lexer = before;
                return ty;
            }
        }
    }
}

/// A type and the name of what has it, arrays' sizes skipped.
fn declarator<'t>(lexer: &mut Lexer<'t>) -> Option<(Type<'t>, &'t str, u8)> {
    let base = type_base(lexer, true)?;
    let ty = type_pointers(lexer, base);
    let Some(Token::Name(name)) = lexer.next() else { return None };
    Some((ty, name, sizes(lexer)))
}

/// A type where no name follows.
fn abstract_type<'t>(lexer: &mut Lexer<'t>) -> Option<Type<'t>> {
    let base = type_base(lexer, false)?;
    Some(type_pointers(lexer, base))
}

fn statement<'t>(text: &'t str, function: &mut Function<'t>, unit: &mut Unit<'t>) {
    let mut lexer = Lexer::new(text);
    let at = lexer.place();
    let first = lexer.rest().trim_start();
    // Blocks and comments.
    let skipped = match first.as_bytes() {
        [] | [b'{' | b'}'] | [b'/', b'/', ..] | [b'}', b';'] => true,
        _ => matches!(first, "try" | "finally" | "catch" | "else") || first.starts_with("typedef "),
    };
    if skipped || first.contains("<<< error >>>") {
        return;
    }
    unit.statements += 1;
    // `} tests[4] = …`: a variable of a type that has no name.
    if let Some(rest) = first.strip_prefix('}') {
        let mut lexer = Lexer::new(rest);
        let variable = match type_pointers_then_name(&mut lexer) {
            Some(found) => finish_declaration(&mut lexer, found, false),
            None => None,
        };
        match variable {
            Some(variable) => function.variables.push(variable),
            None => not_understood(unit, text),
        }
        return;
    }
    if at.is_none()
        && let Some(variable) = declaration(&lexer)
    {
        function.variables.push(variable);
        return;
    }
    match kind(lexer) {
        Some(kind) => function.statements.push(Statement { at, kind }),
        None => not_understood(unit, text),
    }
}

fn type_pointers_then_name<'t>(lexer: &mut Lexer<'t>) -> Option<(Type<'t>, &'t str, u8)> {
    let ty = type_pointers(lexer, TypeName::Unnamed);
    let Some(Token::Name(name)) = lexer.next() else { return None };
    Some((ty, name, sizes(lexer)))
}

/// A line without a place that begins like a type is a declaration.
fn declaration<'t>(lexer: &Lexer<'t>) -> Option<Variable<'t>> {
    let mut lexer = lexer.clone();
    let is_static = {
        let mut ahead = lexer.clone();
        ahead.eat_name("static")
    };
    if matches!(lexer.peek(), Some(Token::Name("goto" | "return" | "if" | "switch"))) {
        return None;
    }
    let found = declarator(&mut lexer)?;
    finish_declaration(&mut lexer, found, is_static)
}

fn finish_declaration<'t>(
    lexer: &mut Lexer<'t>,
    (ty, name, dimensions): (Type<'t>, &'t str, u8),
    is_static: bool,
) -> Option<Variable<'t>> {
    if lexer.eat_name("__asm__") && lexer.eat("(") {
        lexer.close();
    }
    let mut variable = Variable { name, ty, dimensions, is_static, initial: None };
    if lexer.eat("=") {
        variable.initial = Some(initializer(lexer, 0)?);
    }
    (lexer.eat(";") && lexer.next().is_none()).then_some(variable)
}

/// A constant, possibly with casts before it, or `{…}`.
fn initializer<'t>(lexer: &mut Lexer<'t>, depth: usize) -> Option<Value<'t>> {
    if depth > DEEPEST {
        return None;
    }
    if !lexer.eat("{") {
        let before = lexer.clone();
        if lexer.eat("(") {
            let ty = abstract_type(lexer);
            if let Some(ty) = ty
                && lexer.eat(")")
            {
                // Casts within casts: the outermost says enough.
                return match initializer(lexer, depth + 1)? {
                    Value::Just(operand) | Value::Cast(_, operand) => Some(Value::Cast(ty, operand)),
                    other => Some(other),
                };
            }
            *lexer = before;
        }
        let left = operand(lexer)?;
        return match lexer.peek() {
            Some(Token::Sign(sign @ ("+" | "-" | "|" | "&" | "*" | "<<" | ">>" | "/" | "^" | "%"))) => {
                lexer.next();
                let right = match initializer(lexer, depth + 1)? {
                    Value::Just(operand) | Value::Cast(_, operand) => operand,
                    _ => return None,
                };
                Some(Value::Binary(left, sign, right))
            }
            _ => Some(Value::Just(left)),
        };
    }
    let mut values = Vec::new();
    if lexer.eat_name("CLOBBER") {
        lexer.eat("(");
        lexer.close();
        return lexer.eat("}").then_some(Value::Clobber);
    }
    while !lexer.eat("}") {
        let mut field = None;
        if lexer.eat(".") {
            let Some(Token::Name(name)) = lexer.next() else { return None };
            field = Some(name);
            lexer.eat("=").then_some(())?;
        } else if lexer.eat("[") {
            lexer.close();
            lexer.eat("=").then_some(())?;
        }
        values.push((field, initializer(lexer, depth + 1)?));
        if !lexer.eat(",") && lexer.peek() != Some(Token::Sign("}")) {
            return None;
        }
    }
    Some(Value::Aggregate(values))
}

/// A statement that is no declaration.
fn kind<'t>(mut lexer: Lexer<'t>) -> Option<Kind<'t>> {
    let mut ahead = lexer.clone();
    match ahead.next()? {
        Token::Sign("<") => {
            let Some(Token::Name(label)) = ahead.next() else { return None };
            if ahead.eat(">") && ahead.eat(":") {
                return Some(Kind::Label(label));
            }
        }
        Token::Name("goto") => return Some(Kind::Goto(label(&mut ahead)?)),
        Token::Name("return") => {
            let value = if ahead.eat(";") { None } else { Some(operand(&mut ahead)?) };
            return Some(Kind::Return(value));
        }
        Token::Name("if") => return branch(ahead),
        Token::Name("switch") => {
            ahead.eat("(").then_some(())?;
            let value = operand(&mut ahead)?;
            let mut labels = Vec::new();
            while let Some(token) = ahead.next() {
                if token == Token::Sign(":") {
                    labels.push(label(&mut ahead)?);
                }
            }
            return Some(Kind::Switch(value, labels));
        }
        Token::Name("__asm__") => return asm(ahead),
        Token::Name(name) => {
            let label = ahead.eat(":") && ahead.next().is_none();
            if label {
                return Some(Kind::Label(name));
            }
        }
        _ => {}
    }
    // A call whose result nobody wants.
    let mut call = lexer.clone();
    if let Some(Token::Name(callee)) = call.next()
        && call.peek() == Some(Token::Sign("("))
        && let Some(arguments) = arguments(&mut call)
    {
        return end(call).then_some(Kind::Call { to: None, callee, arguments });
    }
    let to = place(&mut lexer, 0)?;
    lexer.eat("=").then_some(())?;
    let mut call = lexer.clone();
    // `.ADD_OVERFLOW (a, b)` is the compiler's own.
    let _ = call.eat(".");
    if let Some(Token::Name(callee)) = call.next()
        && call.peek() == Some(Token::Sign("("))
        && let Some(arguments) = arguments(&mut call)
    {
        return end(call).then_some(Kind::Call { to: Some(to), callee, arguments });
    }
    let from = value(&mut lexer)?;
    end(lexer).then_some(Kind::Assign { to, from })
}

/// Whether only the end of a statement and the compiler's remarks follow:
/// `; [return slot optimization]`.
fn end(mut lexer: Lexer<'_>) -> bool {
    if !lexer.eat(";") {
        return false;
    }
    let remark = lexer.rest().trim();
    remark.is_empty() || (remark.starts_with('[') && remark.ends_with(']'))
}

fn label<'t>(lexer: &mut Lexer<'t>) -> Option<&'t str> {
    let angle = lexer.eat("<");
    let Some(Token::Name(label)) = lexer.next() else { return None };
    // The last of a switch ends its list too.
    (!angle || lexer.eat(">") || lexer.eat(">>")).then_some(label)
}

fn branch(mut lexer: Lexer<'_>) -> Option<Kind<'_>> {
    lexer.eat("(").then_some(())?;
    let left = operand(&mut lexer)?;
    let Some(Token::Sign(test)) = lexer.next() else { return None };
    let right = operand(&mut lexer)?;
    lexer.eat(")").then_some(())?;
    lexer.eat_name("goto").then_some(())?;
    let then = label(&mut lexer)?;
    lexer.eat(";").then_some(())?;
    lexer.eat_name("else").then_some(())?;
    lexer.eat_name("goto").then_some(())?;
    let otherwise = label(&mut lexer)?;
    lexer.eat(";").then_some(Kind::If { condition: Box::new((left, test, right)), then, otherwise })
}

fn arguments<'t>(lexer: &mut Lexer<'t>) -> Option<Vec<Operand<'t>>> {
    lexer.eat("(").then_some(())?;
    let mut arguments = Vec::new();
    while !lexer.eat(")") {
        arguments.push(operand(lexer)?);
        if !lexer.eat(",") && lexer.peek() != Some(Token::Sign(")")) {
            return None;
        }
    }
    Some(arguments)
}

/// Operators of the compiler that are written as words.
fn word_operator(name: &str) -> bool {
    name.ends_with("_EXPR")
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        && name != "VIEW_CONVERT_EXPR"
}

fn value<'t>(lexer: &mut Lexer<'t>) -> Option<Value<'t>> {
    match lexer.peek()? {
        Token::Sign("{") => return initializer(lexer, 0),
        Token::Sign("(") if !lexer.clone().nth(1).is_some_and(|token| token == Token::Sign("*")) => {
            lexer.next();
            let ty = abstract_type(lexer)?;
            lexer.eat(")").then_some(())?;
            return Some(Value::Cast(ty, operand(lexer)?));
        }
        Token::Sign(sign @ ("~" | "!")) => {
            lexer.next();
            return Some(Value::Unary(sign, operand(lexer)?));
        }
        Token::Sign("-") => {
            let mut ahead = lexer.clone();
            ahead.next();
            if !matches!(ahead.peek(), Some(Token::Number(_))) {
                *lexer = ahead;
                return Some(Value::Unary("-", operand(lexer)?));
            }
        }
        Token::Name(name) if word_operator(name) || name == "BIT_FIELD_REF" => {
            lexer.next();
            lexer.eat("<").then_some(())?;
            let left = operand(lexer)?;
            if name == "BIT_FIELD_REF" {
                while !matches!(lexer.next()?, Token::Sign(">")) {}
                return Some(Value::Unary(name, left));
            }
            if lexer.eat(">") {
                return Some(Value::Unary(name, left));
            }
            lexer.eat(",").then_some(())?;
            let right = operand(lexer)?;
            return lexer.eat(">").then_some(Value::Binary(left, name, right));
        }
        _ => {}
    }
    let left = operand(lexer)?;
    if lexer.peek() == Some(Token::Sign(";")) {
        return Some(Value::Just(left));
    }
    // Rotations are written `r>>`, divisions with their rounding: `/[ex]`.
    let sign = match lexer.next()? {
        Token::Sign(sign) => sign,
        Token::Name("r") => match lexer.next()? {
            Token::Sign(sign @ (">>" | "<<")) => sign,
            _ => return None,
        },
        _ => return None,
    };
    if sign == "/" || sign == "%" {
        let mut ahead = lexer.clone();
        if ahead.eat("[")
            && matches!(ahead.next(), Some(Token::Name("ex" | "fl" | "cl" | "rd")))
            && ahead.eat("]")
        {
            *lexer = ahead;
        }
    }
    let right = operand(lexer)?;
    Some(Value::Binary(left, sign, right))
}

fn operand<'t>(lexer: &mut Lexer<'t>) -> Option<Operand<'t>> {
    operand_within(lexer, 0)
}

/// An operand can be the address in a `MEM[…]`, which is a part of an operand.
fn operand_within<'t>(lexer: &mut Lexer<'t>, depth: usize) -> Option<Operand<'t>> {
    let before = lexer.clone();
    match lexer.next()? {
        Token::Number(number) => Some(Operand::Number(number, false)),
        Token::Name("TARGET_EXPR") => {
            lexer.eat("<").then_some(())?;
            let Token::Name(name) = lexer.next()? else { return None };
            while !matches!(lexer.next()?, Token::Sign(">")) {}
            Some(Operand::Place(Place { base: Base::Name(name), steps: Vec::new() }))
        }
        Token::Text(text) => {
            while lexer.eat("[") {
                lexer.close();
            }
            Some(Operand::Text(text))
        }
        Token::Sign("-") => match lexer.next()? {
            Token::Number(number) => Some(Operand::Number(number, true)),
            _ => None,
        },
        Token::Sign("&") => {
            // The address of a string, or of a place.
            if let Some(Token::Text(text)) = lexer.peek() {
                lexer.next();
                return Some(Operand::Text(text));
            }
            Some(Operand::Address(place(lexer, depth)?))
        }
        _ => {
            *lexer = before;
            Some(Operand::Place(place(lexer, depth)?))
        }
    }
}

fn place<'t>(lexer: &mut Lexer<'t>, depth: usize) -> Option<Place<'t>> {
    if depth > DEEPEST {
        return None;
    }
    let base = match lexer.next()? {
        Token::Sign("*") => {
            // `*.LC0` is a constant of the compiler's.
            let _ = lexer.eat(".");
            let Token::Name(name) = lexer.next()? else { return None };
            Base::Pointee(name)
        }
        Token::Sign("(") => {
            lexer.eat("*").then_some(())?;
            let Token::Name(name) = lexer.next()? else { return None };
            lexer.eat(")").then_some(())?;
            Base::Pointee(name)
        }
        Token::Name("MEM") => memory(lexer, depth)?,
        Token::Name("VIEW_CONVERT_EXPR") => {
            lexer.eat("<").then_some(())?;
            let ty = abstract_type(lexer)?;
            lexer.eat(">").then_some(())?;
            lexer.eat("(").then_some(())?;
            let inner = place(lexer, depth + 1)?;
            lexer.eat(")").then_some(())?;
            Base::View(ty, Box::new(inner))
        }
        Token::Name(name) => Base::Name(name),
        // `<retval>`: where a caller wants a struct to be returned.
        Token::Sign("<") => {
            let Token::Name(name) = lexer.next()? else { return None };
            lexer.eat(">").then_some(())?;
            Base::Name(name)
        }
        _ => return None,
    };
    let mut steps = Vec::new();
    loop {
        let before = lexer.clone();
        match lexer.next() {
            Some(Token::Sign(".")) => match lexer.next()? {
                Token::Name(name) => steps.push(Step::Field(name)),
                _ => return None,
            },
            Some(Token::Sign("->")) => match lexer.next()? {
                Token::Name(name) => steps.push(Step::Arrow(name)),
                _ => return None,
            },
            Some(Token::Sign("[")) => {
                lexer.close();
                steps.push(Step::Index);
            }
            _ => {
                *lexer = before;
                return Some(Place { base, steps });
            }
        }
    }
}

/// `[(type *)address + offset]`, possibly with the type of what is read before it.
fn memory<'t>(lexer: &mut Lexer<'t>, depth: usize) -> Option<Base<'t>> {
    let mut seen = None;
    if lexer.eat("<") {
        seen = Some(abstract_type(lexer)?);
        lexer.eat(">").then_some(())?;
    }
    lexer.eat("[").then_some(())?;
    let mut cast = None;
    if lexer.eat("(") {
        cast = Some(abstract_type(lexer)?);
        lexer.eat(")").then_some(())?;
    }
    let address = operand_within(lexer, depth + 1)?;
    lexer.close();
    let ty = match (seen, cast) {
        (Some(ty), _) => ty,
        (None, Some(mut ty)) => {
            ty.pointers = ty.pointers.checked_sub(1)?;
            ty
        }
        (None, None) => Type { base: TypeName::Unnamed, pointers: 0 },
    };
    Some(Base::Memory(ty, Box::new(address)))
}

/// `__asm__ __volatile__("TEMPLATE" : OUTPUTS : INPUTS : CLOBBERS);` The template is printed as it
/// is, quotes and line ends included, so only what follows its end tells where that is.
fn asm<'t>(mut lexer: Lexer<'t>) -> Option<Kind<'t>> {
    while lexer.eat_name("__volatile__") || lexer.eat_name("goto") || lexer.eat_name("__inline__") {}
    lexer.eat("(").then_some(())?;
    let rest = lexer.rest().trim_start().strip_prefix('"')?;
    let body = rest.as_bytes();
    let end = memmem::find_iter(body, b"\"")
        .find(|&at| body.get(at + 1..).is_some_and(|after| after.starts_with(b" : ") || after == b");"))?;
    let template = rest.get(..end)?;
    let mut lexer = Lexer::new(rest.get(end + 1..)?);
    let mut groups = [Vec::new(), Vec::new()];
    for group in &mut groups {
        if !lexer.eat(":") {
            break;
        }
        while let Some(Token::Text(first)) = lexer.peek() {
            lexer.next();
            let mut operand_of =
                AsmOperand { name: None, constraint: first, operand: Operand::Number("0", false) };
            if let Some(Token::Text(second)) = lexer.peek() {
                // Two texts: a name and a constraint, unless the second is itself the operand.
                let mut ahead = lexer.clone();
                ahead.next();
                if !matches!(ahead.peek(), Some(Token::Sign("," | ":" | ")")) | None) {
                    lexer = ahead;
                    operand_of = AsmOperand { name: Some(first), constraint: second, ..operand_of };
                }
            }
            operand_of.operand = asm_operand(&mut lexer)?;
            group.push(operand_of);
            if !lexer.eat(",") {
                break;
            }
        }
    }
    let [outputs, inputs] = groups;
    Some(Kind::Asm { template, outputs, inputs })
}

/// An operand of inline assembly: also constants that are computed or cast.
fn asm_operand<'t>(lexer: &mut Lexer<'t>) -> Option<Operand<'t>> {
    match initializer(lexer, 0)? {
        Value::Just(operand)
        | Value::Cast(_, operand)
        | Value::Binary(operand, ..)
        | Value::Unary(_, operand) => Some(operand),
        Value::Aggregate(_) | Value::Clobber => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = r#"__attribute__((cf_check, section (".init.text")))
int (*<T22>) (const struct cpu_user_regs *, int) choose (struct domain * const d, void (*<Tee>) (void *) func, long unsigned int[4] * set)
[common/a.c:10:1] {
  struct vcpu * v;
  struct pair[4] * pairs;
  static const struct ops table[2] = {{.get=one, .put=0B}, {.get=[common/a.c:3:4] (int (*<T1>) (int)) two}};
  register long unsigned int a1_ __asm__ (*rdi);
  void fail = <<< error >>>;
  struct  args[1];

  try
    {
      [common/a.c:11:5] # DEBUG BEGIN_STMT
      [common/a.c:12:9] _1 = [common/a.c:12:20] &[common/a.c:12:20] [common/a.c:12:24] d->arch.D.5.list[3];
      [common/a.c:12:3] if (_1 != 0B) goto <D.1>; else goto <D.2>;
      <D.1>:
      [common/a.c:13:3] _2 = [common/a.c:13:3] [common/a.c:13:3] v->D.7.ops;
      [common/a.c:13:8] i.6_8 = _2 (v, [common/a.c:13:8] *d, [common/a.c:13:8] "a \"b", -4, 0B);
      <D.2>:
      [common/a.c:14:3] _3 = MEM[(const struct foo * *)set + 8B].next;
      [common/a.c:14:3] __asm__ __volatile__(".pushsection .x, "a", @progbits
	call *%c1
" : "=r" a1_ : "addr" "i" [common/a.c:14:3] &[common/a.c:14:3] hvm_funcs.init, "0" a1_ : "memory");
      [common/a.c:15:3] switch (_3) <default: <D.3>, case 1 ... 2: <D.4>>;
      [common/a.c:16:3] _9 = (*set)[i];
      [common/a.c:16:3] wonder ? ;
      [common/a.c:17:3] return func;
    }
  finally
    {
      v = {CLOBBER(eol)};
    }
}
"#;

    #[test]
    fn a_function_is_read_whole() {
        insta::assert_debug_snapshot!(parse(DUMP));
    }

    #[test]
    fn a_cut_dump_is_noticed_and_never_panics() {
        for (end, _) in DUMP.char_indices().filter(|(at, _)| *at > 300 && *at + 2 < DUMP.len()) {
            let unit = parse(&DUMP[..end]);
            assert!(unit.cut_off.is_some(), "{end}");
        }
    }

    /// Found by the fuzz target `gimple`: statements of the next function were taken for members of
    /// a type, and counted nowhere.
    #[test]
    fn a_type_ends_with_its_function() {
        let text = "int f ()\n[a.c:1:1] {\n  [a.c:2:1] return D.union\n}\nint g ()\n[a.c:3:1] {\n  \
                    [a.c:4:1] return 0;\n}\n";
        let counts: Vec<_> = parse(text).functions.iter().map(|function| function.statements.len()).collect();
        assert_eq!(counts, [0, 1]);
    }

    /// Found by the fuzz target `gimple`.
    #[test]
    fn attributes_of_what_is_not_understood_are_nobodys() {
        let text = "__attribute__((noinline))\nint f (int x, int unuint\nint g ()\n[a.c:3:1] {\n}\n";
        let unit = parse(text);
        assert_eq!((unit.functions.len(), unit.not_understood.len()), (1, 1));
        assert!(unit.functions.iter().all(|function| function.attributes.is_empty()));
    }

    /// Found when the fuzz target `gimple` was written: the stack ended.
    #[test]
    fn what_is_nested_without_end_is_not_understood() {
        for (inner, outer) in [("MEM[", ""), ("VIEW_CONVERT_EXPR<int>(", ""), ("", "(*)()")] {
            let line = format!("a = {}x{};", inner.repeat(100_000), outer.repeat(100_000));
            let text =
                format!("int f ()\n[a.c:1:1] {{\n  int {} x;\n[a.c:1:1] {line}\n}}\n", outer.repeat(100_000));
            let unit = parse(&text);
            assert_eq!((unit.functions.len(), unit.not_understood.is_empty()), (1, false), "{inner}{outer}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(noise in "[a-z_.0-9(){}<>\\[\\]*&=;:,\"+ -]{0,80}", at in 0_usize..1200) {
            let at = (0..=at.min(DUMP.len())).rev().find(|at| DUMP.is_char_boundary(*at)).unwrap_or(0);
            let text = format!("{}{noise}\n{}", &DUMP[..at], &DUMP[at..]);
            parse(&text);
        }
    }
}
