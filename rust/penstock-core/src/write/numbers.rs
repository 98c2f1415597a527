//! Numbers that are there already, by two index maps: into planes for the next pass, or to the output.

use super::layout::Output;
use super::table::Table;
use super::{Layout, RenderError, check_fills};
use crate::image::axis::{Axis, Run, fill_of};
use crate::image::{Number, Planes};

/// Makes `out` what two index maps take of an image, with the margins of a table of such numbers.
///
/// # Errors
/// If the sizes do not fit together, or if memory is short.
pub fn take_numbers(
    from: &Planes,
    rows: &Axis,
    columns: &Axis,
    table: &Table,
    out: &mut Planes,
) -> Result<(), RenderError> {
    if !out.shape(from.channels(), rows.len() as usize, columns.len() as usize) {
        return Err(RenderError::Memory);
    }
    write_numbers(from, rows, columns, table, out.bytes_mut().into())
}

/// Writes what two index maps take of an image, with the margins of a table of such numbers, to the output.
///
/// # Errors
/// If the sizes do not fit together.
pub fn write_numbers(
    from: &Planes,
    rows: &Axis,
    columns: &Axis,
    table: &Table,
    output: Output<'_>,
) -> Result<(), RenderError> {
    let (height, width) = (rows.len() as usize, columns.len() as usize);
    let shape = [from.channels(), height, width];
    check_fills(rows, from.rows(), table)?;
    check_fills(columns, from.columns(), table)?;
    if table.channels() != from.channels() {
        return Err(RenderError::Channels { image: from.channels(), table: table.channels() });
    }
    if table.element_bytes() != size_of::<Number>() {
        return Err(RenderError::Layout);
    }
    let (out, layout) = output.into_parts();
    let planar = Layout::planar(shape, size_of::<Number>());
    let layout = layout.or(planar).filter(|layout| layout.shape() == shape).ok_or(RenderError::Layout)?;
    if out.len() != layout.extent() {
        return Err(RenderError::Output { found: out.len(), expected: layout.extent() });
    }
    if width == 0 {
        return Ok(());
    }
    let mut apart = vec![[0; 4]; if layout.at(0, 0, 1) == size_of::<Number>() { 0 } else { width }];
    for channel in 0..from.channels() {
        let mut y = 0;
        for run in rows.runs() {
            for i in 0..run.len() {
                let source = match run {
                    Run::Source { start, step, .. } => {
                        from.row(channel, (i64::from(start) + i64::from(i) * i64::from(step)) as usize)
                    }
                    Run::Fill { .. } => &[],
                };
                let at = layout.at(channel, y, 0);
                if apart.is_empty() {
                    let line = out.get_mut(at..at + width * size_of::<Number>()).ok_or(RenderError::Axis)?;
                    take_row(source, run, columns, (table, channel), line.as_chunks_mut().0)?;
                } else {
                    take_row(source, run, columns, (table, channel), &mut apart)?;
                    for (x, number) in apart.iter().enumerate() {
                        let at = layout.at(channel, y, x);
                        out.get_mut(at..at + number.len()).ok_or(RenderError::Axis)?.copy_from_slice(number);
                    }
                }
                y += 1;
            }
        }
    }
    Ok(())
}

/// Makes a row of the output of a row of the source, or of a margin.
fn take_row(
    source: &[Number],
    row: Run,
    columns: &Axis,
    (table, channel): (&Table, usize),
    mut out: &mut [Number],
) -> Result<(), RenderError> {
    for run in columns.runs() {
        let part = out.split_off_mut(..run.len() as usize).ok_or(RenderError::Axis)?;
        if let Some(fill) = fill_of(row, run) {
            let entry = table.entry(channel, 256 + usize::from(fill));
            part.fill(*entry.and_then(<[u8]>::first_chunk).ok_or(RenderError::Axis)?);
            continue;
        }
        let Run::Source { start, step, .. } = run else { return Err(RenderError::Axis) };
        let start = start as usize;
        match step {
            1 => part.copy_from_slice(source.get(start..start + part.len()).ok_or(RenderError::Axis)?),
            0 => part.fill(*source.get(start).ok_or(RenderError::Axis)?),
            _ => {
                let first = (start + 1).checked_sub(part.len()).ok_or(RenderError::Axis)?;
                let from = source.get(first..=start).ok_or(RenderError::Axis)?;
                part.iter_mut().zip(from.iter().rev()).for_each(|(to, from)| *to = *from);
            }
        }
    }
    Ok(())
}
